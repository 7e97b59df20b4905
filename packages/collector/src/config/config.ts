import type { z } from 'zod'
import { validate } from '../domain/validation/validate.ts'
import { createConfigSchema } from './configSchema.ts'
import type { ConfigSchemaContext } from './configSchemaContext.ts'
import { describeConfigFaults } from './describeConfigFaults.ts'
import type { Environment } from './environment.ts'
import { applyOverrides } from './environmentOverrides.ts'
import { isObject } from './isObject.ts'
import { findSiteNameFaults } from './siteNames.ts'

/** A checked configuration with all defaults filled in. */
export type Config = z.output<ReturnType<typeof createConfigSchema>>

/** A configuration as written in a file: settings with a default may be omitted. */
export type ConfigInput = z.input<ReturnType<typeof createConfigSchema>>

/** A configuration that cannot be used. The message lists everything that is wrong with it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/**
 * Checks a configuration and fills in its defaults. The environment variables `LAPSE_DATABASE_URL`, `LAPSE_HOST`,
 * `LAPSE_PORT`, `LAPSE_LOG_LEVEL` and `LAPSE_LOG_FORMAT` override its settings.
 *
 * @param config the configuration, as parsed from JSON
 * @param environment the environment variables; `env:NAME` is looked up here as well
 * @param source how the error message names the configuration
 * @param folder where relative paths start
 * @throws {ConfigError} if any setting is invalid
 * @example
 * const config = parseConfig({
 *   sites: { acme: { origins: ['https://app.acme.com'], idleTimeoutSeconds: 1800 } },
 * })
 */
export function parseConfig(
  config: unknown,
  environment: Environment = process.env,
  source = 'configuration',
  folder = process.cwd(),
): Config {
  return checkConfig(config, source, { environment, folder, requiresSecrets: true })
}

/** @throws {ConfigError} if any setting is invalid */
export function checkConfig(config: unknown, source: string, context: ConfigSchemaContext): Config {
  const { environment } = context
  const overridden = isObject(config) ? applyOverrides(config, environment) : config
  const nameFaults = findSiteNameFaults(overridden, context)
  const result = validate(createConfigSchema(context), overridden)
  if (result.success && nameFaults.length === 0) return result.data
  const faults = [...nameFaults, ...(result.success ? [] : result.faults)]
  throw new ConfigError(describeConfigFaults(faults, source, isObject(config) ? environment : {}))
}
