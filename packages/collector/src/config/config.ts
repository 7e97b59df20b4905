import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'
import { dashboardSite, type SessionLimits } from '../auth/dashboardSession.ts'
import { escapeUnsafe } from '../domain/text/plainText.ts'
import { type Fault, runDespiteErrors, validate } from '../domain/validation/validate.ts'
import { databaseUrlSchema, resolvePaths } from '../store/database/databaseUrl.ts'
import { tableNameSchema } from '../store/database/tableName.ts'
import { type Environment, notSet, readVariable, variableIn } from './environment.ts'
import { type CheckedSite, siteSchemaOf } from './siteSchema.ts'
import { describeNetworkFault, describeNetworksFault } from './trustedNetworks.ts'

/** Where the configuration is looked for when neither `--config` nor `LAPSE_CONFIG` names a file. */
export const defaultConfigPath = 'lapse.config.json'

const network = z.string().superRefine((text, context) => {
  const message = describeNetworkFault(text)
  if (message !== undefined) context.addIssue({ code: 'custom', message, continue: false })
})

const networks = z.array(network).superRefine((texts, context) => {
  const message = describeNetworksFault(texts)
  if (message !== undefined) context.addIssue({ code: 'custom', message })
})

const timeOfDay = z.iso.time({ error: 'write a time of day in UTC, such as 03:00' })

// An environment variable is text.
const port = z
  .union([z.number(), z.string().regex(/^\d+$/).transform(Number)], { error: 'write a port, such as 4780' })
  .pipe(z.int().min(0).max(65_535))

/** What a configuration is checked against. */
interface Surroundings {
  readonly environment: Environment
  /** The folder that relative paths begin in. */
  readonly folder: string
  /** Where they are not used, secrets that are not set are no fault. */
  readonly areSecretsUsed: boolean
}

/** The URL may hold a password, so it may stand in an environment variable. */
const databaseSchemaOf = ({ environment, folder }: Surroundings) =>
  z
    .string()
    .default('sqlite:lapse.sqlite')
    .transform((text, context) => {
      const name = variableIn(text)
      if (name === undefined) return text
      const url = readVariable(environment, name)
      if (url) return url
      context.addIssue({ code: 'custom', message: notSet(name) })
      return z.NEVER
    })
    .pipe(databaseUrlSchema)
    .transform((location) => resolvePaths(location, folder))

const absoluteTimeoutSeconds = 12 * 3600

/** The dashboard's own sessions, unless a site of that name says otherwise. Its pages are known by being the collector's. */
const impliedSite: CheckedSite = {
  origins: [],
  idleTimeoutSeconds: 15 * 60,
  absoluteTimeoutSeconds,
  ticketKeys: [],
  requireTicket: true,
  ip: 'truncated',
}

/** How long a session of the dashboard lasts: what the site `lapse` says. */
export function dashboardLimits(sites: Config['sites']): SessionLimits {
  const site = sites[dashboardSite] ?? impliedSite
  return {
    idleTimeoutSeconds: site.idleTimeoutSeconds,
    absoluteTimeoutSeconds: site.absoluteTimeoutSeconds ?? absoluteTimeoutSeconds,
    graceSeconds: site.graceSeconds,
  }
}

const siteName = /^[\w-]{1,64}$/
/** It would name the prototype of an object. */
const forbiddenSiteName = '__proto__'

/** Checked apart from the sites, so that what is wrong inside a wrongly named one is named as well. */
function findWrongSiteNames(written: unknown, { environment, areSecretsUsed }: Surroundings): Fault[] {
  if (typeof written !== 'object' || written === null || !('sites' in written)) return []
  const { sites } = written
  if (typeof sites !== 'object' || sites === null || Array.isArray(sites)) return []
  return Object.entries(sites).flatMap(([name, site]) => {
    const path = ['sites', name]
    if (name !== forbiddenSiteName)
      return siteName.test(name)
        ? []
        : { path, detail: 'is not the name of a site; use 1 to 64 letters, digits, hyphens and underscores' }
    // Zod leaves this one out of every record.
    const inside = validate(siteSchemaOf(environment, areSecretsUsed), site)
    const faults = inside.success ? [] : inside.faults
    return [
      { path, detail: 'cannot be the name of a site; choose another' },
      ...faults.map((fault) => ({ ...fault, path: [...path, ...fault.path] })),
    ]
  })
}

const configSchemaOf = (surroundings: Surroundings) =>
  z
    .strictObject({
      database: databaseSchemaOf(surroundings),
      table: tableNameSchema.default('session_audit'),
      listen: z
        .strictObject({
          host: z.string().min(1).default('127.0.0.1'),
          port: port.default(4780),
          // Load balancers keep idle connections for 60 s; who closes first must be them.
          keepAliveSeconds: z.int().min(1).max(3600).default(75),
        })
        .prefault({}),
      trustProxy: networks.default([]),
      forwardedHeader: z.enum(['X-Forwarded-For', 'Forwarded']).optional(),
      rateLimit: z
        .union([z.literal(false), z.strictObject({ requestsPerMinute: z.int().positive() })])
        .default({ requestsPerMinute: 3000 }),
      purge: z.strictObject({ dailyAt: timeOfDay }).optional(),
      logLevel: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
      sites: z
        .record(z.string(), siteSchemaOf(surroundings.environment, surroundings.areSecretsUsed), {
          error: ({ input }) =>
            input === undefined ? undefined : 'must be an object with an entry for each site, under its name',
        })
        .refine((sites) => Object.keys(sites).length > 0, { error: 'name at least one site' })
        .superRefine((sites, context) => {
          for (const [name, site] of Object.entries(sites)) {
            // The collector has a key of its own for the dashboard.
            if (name === dashboardSite || site?.requireTicket !== true || site.ticketKeys?.length !== 0)
              continue
            const path = [name, 'ticketKeys']
            context.addIssue({ code: 'custom', path, message: 'requireTicket needs at least one key' })
          }
        }, runDespiteErrors)
        .transform(
          (sites): Record<string, CheckedSite> => ({
            ...sites,
            // The collector signs these tickets itself, so there is no report without one.
            [dashboardSite]: { ...(sites[dashboardSite] ?? impliedSite), requireTicket: true },
          }),
        ),
    })
    .refine(({ database, table }) => database?.dialect !== 'sqlite' || !String(table).includes('.'), {
      path: ['table'],
      error: 'SQLite has no schemas: write NAME alone',
      ...runDespiteErrors,
    })

/** A checked configuration, with all defaults filled in. */
export type Config = z.output<ReturnType<typeof configSchemaOf>>

/** A configuration as it is written: what has a default may be left out. */
export type ConfigInput = z.input<ReturnType<typeof configSchemaOf>>

/** A configuration that cannot be used, with everything that is wrong with it. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/**
 * Checks a configuration whole and fills in its defaults. `LAPSE_DATABASE_URL`, `LAPSE_HOST`, `LAPSE_PORT` and
 * `LAPSE_LOG_LEVEL` override what is written. The path of an SQLite database is relative to `folder`.
 *
 * @throws {ConfigError} naming every setting that is wrong.
 */
export function parseConfig(
  written: unknown,
  environment: Environment = process.env,
  source = 'configuration',
  folder = process.cwd(),
): Config {
  return check(written, source, { environment, folder, areSecretsUsed: true })
}

/**
 * Reads and checks the configuration file: `path`, else `LAPSE_CONFIG`, else `lapse.config.json`. The path of an SQLite
 * database is relative to the folder of that file.
 *
 * @throws {ConfigError} when the file cannot be read, is not JSON, or holds settings that are wrong.
 */
export function loadConfig(path?: string, environment: Environment = process.env): Config {
  return load(path, environment, true)
}

/** The same for a command that uses the database, and no ticket secrets: they may be unset. */
export function loadStoreConfig(path?: string): Config {
  return load(path, process.env, false)
}

/** The same for a command that uses neither, but for the secret of one site, which `readSecret` checks. */
export function loadSiteConfig(path?: string): Pick<Config, 'sites' | 'listen'> {
  const { LAPSE_DATABASE_URL, ...environment } = process.env
  return load(path, environment, false, ({ database, table, ...written }) => written)
}

type Written = Readonly<Record<string, unknown>>

function load(
  path: string | undefined,
  environment: Environment,
  areSecretsUsed: boolean,
  used = (written: Written): Written => written,
): Config {
  const file = configFileOf(path, environment)
  const written = readJson(file)
  const surroundings = { environment, folder: dirname(resolve(file)), areSecretsUsed }
  return check(isObject(written) ? used(written) : written, `configuration ${file}`, surroundings)
}

/** @returns the file that `--config` names, else `LAPSE_CONFIG`, else the default. */
export function configFileOf(path?: string, environment: Environment = process.env): string {
  return path ?? (environment.LAPSE_CONFIG || defaultConfigPath)
}

function check(written: unknown, source: string, surroundings: Surroundings): Config {
  const overridden = withOverrides(written, surroundings.environment)
  const wrongNames = findWrongSiteNames(overridden, surroundings)
  const result = validate(configSchemaOf(surroundings), overridden)
  if (result.success && wrongNames.length === 0) return result.data
  const faults = [...wrongNames, ...(result.success ? [] : result.faults)]
  throw new ConfigError(describeFaults(faults, source, isObject(written) ? surroundings.environment : {}))
}

/** The settings that an environment variable overrides. */
const overriding: Readonly<Record<string, string>> = {
  database: 'LAPSE_DATABASE_URL',
  'listen.host': 'LAPSE_HOST',
  'listen.port': 'LAPSE_PORT',
  logLevel: 'LAPSE_LOG_LEVEL',
}

/** Where a variable overrides a setting, the fault is the variable's: the file may not have that setting at all. */
function describeFaults(faults: readonly Fault[], source: string, environment: Environment): string {
  const settings: string[] = []
  const variables: string[] = []
  for (const { path, detail } of faults) {
    const name = formatPath(path)
    const variable = overriding[name]
    if (variable !== undefined && environment[variable]) variables.push(`  ${variable}: ${detail}`)
    else settings.push(`  ${name || 'the whole file'}: ${detail}`)
  }
  const parts = [
    [`Correct these settings of the ${source}:`, ...settings],
    ['Correct these environment variables:', ...variables],
  ]
  return parts.flatMap((lines) => (lines.length > 1 ? lines : [])).join('\n')
}

/** `sites.acme.origins.0`; a name that is none is quoted, so that it can be told from the path around it. */
function formatPath(path: Fault['path']): string {
  return path
    .map((key) => (/^[\w-]+$/.test(String(key)) ? String(key) : escapeUnsafe(JSON.stringify(key))))
    .join('.')
}

function readJson(file: string): unknown {
  let text: string
  try {
    // Editors on Windows write a byte order mark, which JSON must not have.
    text = readFileSync(file, 'utf8').replace(/^\uFEFF/, '')
  } catch (cause) {
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
    const what = isMissing
      ? `Configuration file ${file} not found`
      : `Configuration file ${file} cannot be read`
    throw new ConfigError(`${what}. Name the file with --config or LAPSE_CONFIG.`, { cause })
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    // The message of the error quotes the text around the fault, which may be a password.
    const [position] = /line \d+ column \d+/.exec(String(error)) ?? []
    throw new ConfigError(
      `Configuration file ${file} is not JSON${position ? `: look at ${position}` : ''}. Check its commas and quotes.`,
    )
  }
}

function isObject(value: unknown): value is Written {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function withOverrides(written: unknown, environment: Environment): unknown {
  if (!isObject(written)) return written
  const { LAPSE_DATABASE_URL, LAPSE_HOST, LAPSE_PORT, LAPSE_LOG_LEVEL } = environment
  const listen = typeof written.listen === 'object' ? written.listen : {}
  return {
    ...written,
    ...(LAPSE_DATABASE_URL && { database: LAPSE_DATABASE_URL }),
    ...((LAPSE_HOST || LAPSE_PORT) && {
      listen: { ...listen, ...(LAPSE_HOST && { host: LAPSE_HOST }), ...(LAPSE_PORT && { port: LAPSE_PORT }) },
    }),
    ...(LAPSE_LOG_LEVEL && { logLevel: LAPSE_LOG_LEVEL }),
  }
}
