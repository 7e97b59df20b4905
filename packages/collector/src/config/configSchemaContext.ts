import type { Environment } from './environment.ts'

/** What a configuration is checked against, besides its own text. */
export interface ConfigSchemaContext {
  /** Where `env:NAME` is looked up. */
  readonly environment: Environment
  /** The folder that relative paths start from. */
  readonly folder: string
  /** Whether an unset secret is an error. Most commands use no secrets. */
  readonly requiresSecrets: boolean
}
