import { z } from 'zod'
import { dashboardSite } from '../auth/dashboardSession.ts'
import { runDespiteErrors } from '../domain/validation/validate.ts'
import { logFormats } from '../observability/logFormat.ts'
import { tableNameSchema } from '../store/database/tableName.ts'
import type { ConfigSchemaContext } from './configSchemaContext.ts'
import { defaultDashboardSite } from './dashboardSite.ts'
import { createDatabaseSchema } from './databaseSchema.ts'
import { checkForward, createForwardSettings } from './forwardSchema.ts'
import { type CheckedSite, createSiteSchema } from './siteSchema.ts'
import { describeNetworkFault, describeNetworksFault } from './trustedNetworks.ts'

const network = z.string().superRefine((text, context) => {
  const message = describeNetworkFault(text)
  if (message !== undefined) context.addIssue({ code: 'custom', message, continue: false })
})

const networks = z.array(network).superRefine((texts, context) => {
  const message = describeNetworksFault(texts)
  if (message !== undefined) context.addIssue({ code: 'custom', message })
})

export const maxPort = 65_535

// An environment variable is always a string.
const port = z
  .union([z.number(), z.string().regex(/^\d+$/).transform(Number)], {
    error: 'must be a port number, such as 4780',
  })
  .pipe(z.int().min(0).max(maxPort))

const listenSchema = z.strictObject({
  host: z
    .string()
    .min(1)
    .default('127.0.0.1')
    .describe(
      'The address or host name to listen on. `127.0.0.1` accepts connections from this machine only; `0.0.0.0` or `::` accept them from all networks.',
    ),
  port: port
    .prefault(4780)
    .describe('The TCP port to listen on. `0` chooses a free port.')
    .meta({ valueType: `integer (0 to ${maxPort})` }),
  keepAliveSeconds: z
    .int()
    .min(1)
    .max(3600)
    // Load balancers keep idle connections for 60 seconds and more.
    .default(75)
    .describe(
      'How long an idle connection stays open, in seconds. It must be longer than the idle timeout of the proxy or load balancer in front. Otherwise the collector closes connections that the proxy is about to use, and requests fail at random.',
    ),
})

const rateLimitSchema = z.strictObject({
  requestsPerMinute: z
    .int()
    .positive()
    .describe(
      'How many reports and dashboard sign-ins one client may send per minute. A client is one IPv4 address or one IPv6 /64 network. Each replica counts separately. Further requests get the status 429 with `Retry-After`.',
    )
    // The limit is a default of `rateLimit`, so that an empty object is an error.
    .meta({ whenOmitted: '`3000`, if `rateLimit` is omitted' }),
})

const purgeSchema = z.strictObject({
  dailyAt: z.iso
    .time({ error: 'must be a time of day in UTC, such as 03:00' })
    .describe(
      "The time of day, in UTC, at which `lapse serve` deletes rows older than their site's `retentionDays`, such as `03:00`. With several replicas, one of them does it.",
    )
    .meta({
      whenOmitted: 'no daily purge, if `purge` is omitted',
      valueType: 'string (`HH:MM` or `HH:MM:SS`)',
    }),
})

const maxSweepSeconds = 3600

const sweepSchema = z.strictObject({
  everySeconds: z
    .int()
    .min(1)
    .max(maxSweepSeconds)
    .default(15)
    .describe(
      'How often, in seconds, `lapse serve` records the timeouts of expired live sessions. All replicas share the work.',
    ),
})

const logLevelSchema = z
  .enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'])
  .default('info')
  .describe('The least severe level that is logged. `silent` logs nothing.')

const logFormatSchema = z
  .enum(logFormats)
  .optional()
  .describe('The format of the log: `json` is one object a line, `text` is for people.')
  .meta({ whenOmitted: '`text` on a terminal, otherwise `json`' })

/**
 * The schema of the whole configuration. docs/reference/configuration.md is generated from it.
 *
 * To add a setting, add it here with its default and its description. The settings of a site are in `siteSchema.ts`.
 */
export function createConfigSchema(context: ConfigSchemaContext) {
  return z
    .strictObject({
      database: createDatabaseSchema(context),
      table: tableNameSchema
        .default('session_audit')
        .describe(
          'The name of the audit table, as `NAME` or `SCHEMA.NAME`. Use letters, digits and underscores, at most 48 of them in `NAME` and 64 in `SCHEMA`. On MySQL and MariaDB, the schema is a database. SQLite has no schemas. The names of all other tables of Lapse start with `NAME`, except `lapse_leases`.',
        )
        .meta({ valueType: 'string' }),
      listen: listenSchema
        .prefault({})
        .describe('Where the collector accepts connections.')
        .meta({ whenOmitted: 'the defaults of its settings' }),
      trustProxy: networks
        .default([])
        .describe(
          "The IP addresses or networks, such as `10.0.0.0/8`, of your proxies and load balancers. The collector takes the client's address and scheme from the headers of these proxies, and ignores such headers from everyone else. Networks that together include every address are refused.",
        ),
      forwardedHeader: z
        .enum(['X-Forwarded-For', 'Forwarded'])
        .optional()
        .describe(
          "The header in which your proxies send the client's address. The collector ignores the other one. `Forwarded` is defined by RFC 7239.",
        )
        .meta({ whenOmitted: '`X-Forwarded-For` if the request has it, otherwise `Forwarded`' }),
      rateLimit: z
        .union([z.literal(false), rateLimitSchema])
        .default({ requestsPerMinute: 3000 })
        .describe('The rate limit for reports and dashboard sign-ins. `false` turns it off.'),
      sweep: sweepSchema
        .prefault({})
        .describe('When `lapse serve` records timeouts of users who do not return.')
        .meta({ whenOmitted: 'the defaults of its settings' }),
      purge: purgeSchema
        .optional()
        .describe('When `lapse serve` deletes old rows. `lapse purge` does the same on demand.')
        .meta({ whenOmitted: 'no daily purge' }),
      ...createForwardSettings(context),
      logLevel: logLevelSchema,
      logFormat: logFormatSchema,
      sites: createSitesSchema(context),
    })
    .refine(({ database, table }) => database?.dialect !== 'sqlite' || !String(table).includes('.'), {
      path: ['table'],
      error: 'must be a NAME without a schema: SQLite has no schemas',
      ...runDespiteErrors,
    })
    .superRefine((config, refinement) => checkForward(config, refinement, context), runDespiteErrors)
}

function createSitesSchema(context: ConfigSchemaContext) {
  return z
    .record(z.string(), createSiteSchema(context), {
      error: ({ input }) =>
        input === undefined ? undefined : 'must be an object with an entry for each site, by its name',
    })
    .refine((sites) => Object.keys(sites).length > 0, { error: 'must have at least one site' })
    .superRefine((sites, refinement) => {
      for (const [name, site] of Object.entries(sites)) {
        // The collector has its own key for the dashboard.
        if (name === dashboardSite || site?.requireTicket !== true || site.ticketKeys?.length !== 0) continue
        const path = [name, 'ticketKeys']
        refinement.addIssue({
          code: 'custom',
          path,
          message: 'must have at least one key, because requireTicket is true',
        })
      }
    }, runDespiteErrors)
    .transform(
      (sites): Record<string, CheckedSite> => ({
        ...sites,
        // The collector signs these tickets itself, so every report of the dashboard has one.
        [dashboardSite]: { ...(sites[dashboardSite] ?? defaultDashboardSite), requireTicket: true },
      }),
    )
    .describe(
      `The audited applications, each under its name. A name has 1 to 64 letters, digits, hyphens and underscores. The site \`${dashboardSite}\` is the dashboard itself. Its sessions end after ${defaultDashboardSite.idleTimeoutSeconds / 60} minutes without activity, and at the latest ${(defaultDashboardSite.absoluteTimeoutSeconds ?? 0) / 3600} hours after the sign-in. To change that, add the site to the configuration.`,
    )
    .meta({ valueType: 'object of [sites](#settings-of-a-site)' })
}
