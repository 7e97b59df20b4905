import type { Environment } from './environment.ts'

/** The settings that an environment variable overrides, by their path in the configuration. */
export const overridingVariables: Readonly<Record<string, string>> = {
  database: 'LAPSE_DATABASE_URL',
  'listen.host': 'LAPSE_HOST',
  'listen.port': 'LAPSE_PORT',
  logLevel: 'LAPSE_LOG_LEVEL',
  logFormat: 'LAPSE_LOG_FORMAT',
}

/** Replaces the settings of a configuration whose environment variable is set. An empty variable counts as unset. */
export function applyOverrides(config: Readonly<Record<string, unknown>>, environment: Environment): object {
  const { LAPSE_DATABASE_URL, LAPSE_HOST, LAPSE_PORT, LAPSE_LOG_LEVEL, LAPSE_LOG_FORMAT } = environment
  const listen = typeof config.listen === 'object' ? config.listen : {}
  return {
    ...config,
    ...(LAPSE_DATABASE_URL && { database: LAPSE_DATABASE_URL }),
    ...((LAPSE_HOST || LAPSE_PORT) && {
      listen: { ...listen, ...(LAPSE_HOST && { host: LAPSE_HOST }), ...(LAPSE_PORT && { port: LAPSE_PORT }) },
    }),
    ...(LAPSE_LOG_LEVEL && { logLevel: LAPSE_LOG_LEVEL }),
    ...(LAPSE_LOG_FORMAT && { logFormat: LAPSE_LOG_FORMAT }),
  }
}
