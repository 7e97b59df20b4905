/// <reference types="vite/client" />

interface ImportMetaEnv {
  /** The collector's address. Vite reads it from the environment or from `.env` at build time. */
  readonly VITE_LAPSE_COLLECTOR?: string
}
