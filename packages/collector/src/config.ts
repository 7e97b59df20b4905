import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'
import ipaddr from 'ipaddr.js'
import { z } from 'zod'
import { type Environment, notSet, variableIn } from './environment.ts'
import { always } from './lapse/always.ts'
import { dashboardSite, type SessionLimits } from './lapse/dashboardSession.ts'
import { databaseUrlSchema } from './store/databaseUrl.ts'
import { tableNameSchema } from './store/tableName.ts'
import { ticketKeySchemaOf } from './ticketKeySchema.ts'

/** Where the configuration is looked for when neither `--config` nor `LAPSE_CONFIG` names a file. */
export const defaultConfigPath = 'lapse.config.json'

const seconds = z
  .int()
  .positive()
  .max(400 * 86_400)

const origin = z.string().refine((text) => isOrigin(text.replace('//*.', '//label.')), {
  error:
    'write scheme://host or scheme://host:port, in lower case and with nothing behind it; a label in front may be *',
})

const isOrigin = (text: string) => URL.parse(text)?.origin === text

const network = z.string().refine((text) => isIP(text) !== 0 || ipaddr.isValidCIDR(text), {
  error: 'write an IP address or a network such as 10.0.0.0/8',
})

const timeOfDay = z.iso.time({ error: 'write a time of day in UTC, such as 03:00' })

// An environment variable is text.
const port = z
  .union([z.number(), z.string().regex(/^\d+$/).transform(Number)], { error: 'write a port, such as 4780' })
  .pipe(z.int().min(0).max(65_535))

/** The URL may hold a password, so it may stand in an environment variable. */
const databaseSchemaOf = (environment: Environment) =>
  z
    .string()
    .default('sqlite:lapse.sqlite')
    .transform((text, context) => {
      const name = variableIn(text)
      const url = name === undefined ? text : environment[name]
      if (url) return url
      context.addIssue({ code: 'custom', message: notSet(name) })
      return z.NEVER
    })
    .pipe(databaseUrlSchema)

/** Keys rotate: a few at a time. Each of them may be tried for a ticket. */
const maxTicketKeys = 10

const siteSchemaOf = (environment: Environment) =>
  z
    .strictObject({
      origins: z.array(origin).min(1),
      idleTimeoutSeconds: seconds,
      absoluteTimeoutSeconds: seconds.optional(),
      graceSeconds: z.number().min(0).optional(),
      ticketKeys: z
        .array(ticketKeySchemaOf(environment))
        .max(maxTicketKeys, { error: `write at most ${maxTicketKeys} keys` })
        .default([]),
      requireTicket: z.boolean().default(false),
      ip: z.enum(['truncated', 'full', 'none']).default('truncated'),
      retentionDays: z.int().positive().optional(),
    })
    .refine(({ requireTicket, ticketKeys }) => requireTicket !== true || ticketKeys?.length !== 0, {
      path: ['ticketKeys'],
      error: 'requireTicket needs at least one key',
      ...always,
    })

type CheckedSite = z.output<ReturnType<typeof siteSchemaOf>>

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
  }
}

const siteNameRule = 'name a site by 1 to 64 letters, digits, hyphens and underscores'

const configSchemaOf = (environment: Environment) =>
  z
    .strictObject({
      database: databaseSchemaOf(environment),
      table: tableNameSchema.default('session_audit'),
      listen: z
        .strictObject({ host: z.string().min(1).default('127.0.0.1'), port: port.default(4780) })
        .prefault({}),
      trustProxy: z.array(network).default([]),
      rateLimit: z
        .union([z.literal(false), z.strictObject({ requestsPerMinute: z.int().positive() })])
        .default({ requestsPerMinute: 3000 }),
      purge: z.strictObject({ dailyAt: timeOfDay }).optional(),
      logLevel: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
      sites: z
        .record(z.string().regex(/^[\w-]{1,64}$/), siteSchemaOf(environment), {
          error: ({ code }) => (code === 'invalid_key' ? siteNameRule : undefined),
        })
        .refine((sites) => Object.keys(sites).length > 0, { error: 'name at least one site' })
        .transform(
          (sites): Record<string, CheckedSite> => ({
            ...sites,
            [dashboardSite]: sites[dashboardSite] ?? impliedSite,
          }),
        ),
    })
    .refine(({ database, table }) => database?.dialect !== 'sqlite' || !String(table).includes('.'), {
      path: ['table'],
      error: 'SQLite has no schemas: write NAME alone',
      ...always,
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
 * `LAPSE_LOG_LEVEL` come before what is written.
 *
 * @throws {ConfigError} naming every setting that is wrong.
 */
export function parseConfig(
  written: unknown,
  environment: Environment = process.env,
  source = 'configuration',
): Config {
  const result = configSchemaOf(environment).safeParse(withOverrides(written, environment))
  if (result.success) return result.data
  const problems = result.error.issues.map(
    ({ path, message }) => `  ${path.join('.') || 'the whole file'}: ${message}`,
  )
  throw new ConfigError(`Correct these settings of the ${source}:\n${problems.join('\n')}`)
}

/**
 * Reads and checks the configuration file: `path`, else `LAPSE_CONFIG`, else `lapse.config.json`.
 *
 * @throws {ConfigError} when the file cannot be read, is not JSON, or holds settings that are wrong.
 */
export function loadConfig(path?: string, environment: Environment = process.env): Config {
  const file = path ?? environment.LAPSE_CONFIG ?? defaultConfigPath
  return parseConfig(readJson(file), environment, `configuration ${file}`)
}

function readJson(file: string): unknown {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    const why =
      cause instanceof Error && 'code' in cause && cause.code === 'ENOENT' ? 'is not there' : String(cause)
    throw new ConfigError(`The configuration ${file} ${why}. Name the file with --config or LAPSE_CONFIG.`, {
      cause,
    })
  }
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ConfigError(`The configuration ${file} is not JSON: ${String(cause)}`, { cause })
  }
}

function withOverrides(written: unknown, environment: Environment): unknown {
  if (typeof written !== 'object' || written === null || Array.isArray(written)) return written
  const { LAPSE_DATABASE_URL, LAPSE_HOST, LAPSE_PORT, LAPSE_LOG_LEVEL } = environment
  const listen = 'listen' in written && typeof written.listen === 'object' ? written.listen : {}
  return {
    ...written,
    ...(LAPSE_DATABASE_URL && { database: LAPSE_DATABASE_URL }),
    ...((LAPSE_HOST || LAPSE_PORT) && {
      listen: { ...listen, ...(LAPSE_HOST && { host: LAPSE_HOST }), ...(LAPSE_PORT && { port: LAPSE_PORT }) },
    }),
    ...(LAPSE_LOG_LEVEL && { logLevel: LAPSE_LOG_LEVEL }),
  }
}
