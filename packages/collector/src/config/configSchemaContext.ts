import type { Environment } from './environment.ts'

/** Everything outside of the configuration file that checking it depends on. */
export interface ConfigSchemaContext {
  /** Where `env:NAME` is looked up. */
  readonly environment: Environment
  /** The folder that relative paths start from. */
  readonly folder: string
  /** Whether an unset secret is an error. Most commands use no secrets. */
  readonly requiresSecrets: boolean
}
