/// <reference types="vite/client" />

interface ImportMetaEnv {
  /** The collector's address; at the build, from the environment or `.env`. */
  readonly VITE_LAPSE_COLLECTOR?: string
}
