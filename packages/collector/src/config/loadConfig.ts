import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { hasErrorCode } from '../domain/thrownError.ts'
import { type Config, ConfigError, checkConfig } from './config.ts'
import type { Environment } from './environment.ts'
import { isObject } from './isObject.ts'

/** The configuration file if neither `--config` nor `LAPSE_CONFIG` names one. */
export const defaultConfigPath = 'lapse.config.json'

/** @returns `path` (from `--config`), otherwise `LAPSE_CONFIG`, otherwise the default. */
export function resolveConfigPath(path?: string, environment: Environment = process.env): string {
  return path ?? (environment.LAPSE_CONFIG || defaultConfigPath)
}

/**
 * Reads and checks a configuration file: `path`, otherwise `LAPSE_CONFIG`, otherwise `lapse.config.json`. Relative
 * paths in it start from its own folder.
 *
 * @throws {ConfigError} if the file cannot be read, is not JSON, or contains invalid settings
 * @example
 * const collector = await startCollector(loadConfig('lapse.config.json'))
 */
export function loadConfig(path?: string, environment: Environment = process.env): Config {
  return load(path, environment, { requiresSecrets: true })
}

/** Loads the configuration for a command that uses the database but no ticket secrets, which may be unset. */
export function loadStoreConfig(path?: string): Config {
  return load(path, process.env, { requiresSecrets: false })
}

/**
 * Loads the configuration for a command that does not use the database, so its URL may be unset. Ticket secrets may be
 * unset too: `readSecret` checks the one that is used.
 */
export function loadSiteConfig(path?: string): Pick<Config, 'sites' | 'listen' | 'sweep'> {
  const { LAPSE_DATABASE_URL, ...environment } = process.env
  return load(path, environment, { requiresSecrets: false, omitsDatabase: true })
}

function load(
  path: string | undefined,
  environment: Environment,
  { requiresSecrets, omitsDatabase = false }: { requiresSecrets: boolean; omitsDatabase?: boolean },
): Config {
  const file = resolveConfigPath(path, environment)
  const config = readJson(file)
  return checkConfig(
    omitsDatabase && isObject(config) ? omitDatabase(config) : config,
    `configuration file ${file}`,
    { environment, folder: dirname(resolve(file)), requiresSecrets },
  )
}

function omitDatabase({ database, table, ...others }: Readonly<Record<string, unknown>>): object {
  return others
}

function readJson(file: string): unknown {
  const text = readText(file)
  try {
    return JSON.parse(text)
  } catch (error) {
    // Keep only the position: the message quotes the text around the error, which may be a password.
    const [position] = /line \d+ column \d+/.exec(String(error)) ?? []
    const where = position ? `: the error is near ${position}` : ''
    throw new ConfigError(
      `Configuration file ${file} is not JSON${where}. Look for a missing or extra comma, quote or bracket.`,
    )
  }
}

function readText(file: string): string {
  try {
    // Editors on Windows write a byte order mark, which is not allowed in JSON.
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '')
  } catch (cause) {
    const isMissing = hasErrorCode(cause, ['ENOENT'])
    const problem = isMissing ? 'not found' : 'cannot be read'
    throw new ConfigError(
      `Configuration file ${file} ${problem}. Name the file with --config or LAPSE_CONFIG.`,
      { cause },
    )
  }
}
