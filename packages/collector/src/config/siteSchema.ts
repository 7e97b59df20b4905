import { z } from 'zod'
import { computeGraceSeconds, type Limits, maxDefaultGraceSeconds } from '../domain/limits.ts'
import { describeOriginFault } from '../domain/origin.ts'
import { maxLengths } from '../domain/sessionEnd.ts'
import { runDespiteErrors } from '../domain/validation/validate.ts'
import { maxMarkerAgeDays, maxMarkerAgeSeconds } from '../domain/verdict.ts'
import type { ConfigSchemaContext } from './configSchemaContext.ts'
import { createTicketKeySchema } from './ticketKeySchema.ts'

// A longer limit could not be observed, because browsers do not keep a marker that long.
const timeoutSeconds = z.int().positive().max(maxMarkerAgeSeconds)

const origin = z
  .string()
  .max(maxLengths.origin)
  .superRefine((text, context) => {
    const message = describeOriginFault(text)
    if (message !== undefined) context.addIssue({ code: 'custom', message })
  })

const originsSchema = z
  .array(origin)
  .min(1)
  .describe(
    `The origins of the pages that may report, written as browsers send them: scheme, host and port, such as \`https://app.acme.com\`. A \`*\` stands for the whole first label of an http or https origin, with at least two labels after it: \`https://*.acme.com\`. App schemes work as well: \`capacitor://localhost\`, \`tauri://localhost\`, \`chrome-extension://ID\`. Up to ${maxLengths.origin} characters each.`,
  )
  .meta({ valueType: 'array of strings (at least 1)' })

/** The settings that decide when a session ends. */
const limitSchemas = {
  idleTimeoutSeconds: timeoutSeconds.describe(
    `The application's idle timeout, in seconds: how long a session may go unused. At most ${maxMarkerAgeDays} days.`,
  ),
  absoluteTimeoutSeconds: timeoutSeconds
    .optional()
    .describe(
      `The application's limit on the total age of a session, in seconds. At most ${maxMarkerAgeDays} days.`,
    )
    .meta({ whenOmitted: 'no limit' }),
  graceSeconds: z
    .number()
    .min(0)
    .optional()
    .describe(
      'How much earlier than a limit a session may end and still count as timed out, in seconds. The grace period absorbs the difference between what the browser and the server regard as the last access. It must be less than `idleTimeoutSeconds`. If a ticket sets a limit that is not longer than the grace period, the grace period is a tenth of that limit.',
    )
    .meta({ whenOmitted: `the smaller of ${maxDefaultGraceSeconds} and a tenth of \`idleTimeoutSeconds\`` }),
  refreshSeconds: z
    .number()
    .min(0)
    .default(0)
    .describe(
      'How much earlier than the idle timeout a session may end and still count as timed out, because the application does not extend it on every access, in seconds. See [the values for common frameworks](../guides/frameworks.md#values-for-common-frameworks). Unlike `graceSeconds`, it affects neither the absolute timeout nor logouts. It must be less than `idleTimeoutSeconds` minus the grace period. If a ticket sets a shorter idle timeout, it shrinks in proportion.',
    ),
}

/** A ticket may have to be checked against every key. */
const maxTicketKeys = 10

/** A hundred years. Subtracting much more gives dates that databases cannot compare. */
const maxRetentionDays = 36_500

/** The settings of one site. */
export function createSiteSchema(context: Pick<ConfigSchemaContext, 'environment' | 'requiresSecrets'>) {
  return z
    .strictObject({
      origins: originsSchema,
      ...limitSchemas,
      ticketKeys: z
        .array(createTicketKeySchema(context))
        .max(maxTicketKeys, { error: `must have at most ${maxTicketKeys} keys` })
        .default([])
        .describe(
          'The keys that verify tickets. Several keys can be valid at the same time, so that you can rotate them.',
        )
        .meta({ valueType: `array of [ticket keys](#ticket-keys) (at most ${maxTicketKeys})` }),
      requireTicket: z
        .boolean()
        .default(false)
        .describe(
          "Whether a browser's report must have a ticket. If `true`, a report without one is refused with `ticket-refused`. Requires at least one entry in `ticketKeys`, except for the site `lapse`, whose tickets the collector signs itself.",
        ),
      recordLogouts: z
        .boolean()
        .default(false)
        .describe(
          'Whether a logout that a browser reports gets a row. If `false`, it gets one only if the report says so, as with `lapse.logout({ report: true })`. A logout after a limit was reached is that timeout, and is always recorded. Logouts that a server reports are always recorded too.',
        ),
      heartbeatSeconds: z
        .number()
        .positive()
        .optional()
        .describe(
          'How often your servers report activity for this site, in seconds. A session that is not used is recorded as timed out this much later, plus the grace period, so that a report still on its way is not missed. The client sends its own interval with each report, and the longer one counts. It must not be more than `idleTimeoutSeconds`.',
        )
        .meta({ whenOmitted: 'only the interval in the report counts' }),
      ip: z
        .enum(['truncated', 'full', 'none'])
        .default('truncated')
        .describe(
          "How much of the client's IP address is stored. `truncated` stores the /24 network of an IPv4 address or the /48 network of an IPv6 address.",
        ),
      retentionDays: z
        .int()
        .positive()
        .max(maxRetentionDays)
        .optional()
        .describe(
          'How many days a row is kept, counted from when the collector received it. `lapse purge` and the daily [purge](#purgedailyat) delete older rows.',
        )
        .meta({ whenOmitted: 'rows are kept indefinitely' }),
    })
    .superRefine(checkTolerances, runDespiteErrors)
    .superRefine(checkHeartbeat, runDespiteErrors)
}

/** Otherwise, every session would count as timed out from its first second. */
function checkTolerances(
  {
    idleTimeoutSeconds: idle,
    graceSeconds,
    refreshSeconds = 0,
  }: Pick<Limits, 'idleTimeoutSeconds' | 'graceSeconds' | 'refreshSeconds'>,
  refinement: z.core.$RefinementCtx,
): void {
  // An idle timeout that is not a positive number has its own message.
  if (!(idle > 0)) return
  const addIssue = (name: string, message: string) =>
    refinement.addIssue({ code: 'custom', path: [name], message })
  if (graceSeconds !== undefined && graceSeconds >= idle)
    addIssue('graceSeconds', `must be less than idleTimeoutSeconds (${idle})`)
  const grace = computeGraceSeconds(idle, { idleTimeoutSeconds: idle, graceSeconds })
  if (refreshSeconds >= idle - grace)
    addIssue(
      'refreshSeconds',
      `must be less than idleTimeoutSeconds (${idle}) minus the grace period (${grace})`,
    )
}

/** A heartbeat in milliseconds by mistake would delay every timeout by days. */
function checkHeartbeat(
  {
    idleTimeoutSeconds,
    heartbeatSeconds,
  }: { readonly idleTimeoutSeconds: number; readonly heartbeatSeconds?: number | undefined },
  refinement: z.core.$RefinementCtx,
): void {
  if (!(idleTimeoutSeconds > 0) || heartbeatSeconds === undefined) return
  if (heartbeatSeconds > idleTimeoutSeconds)
    refinement.addIssue({
      code: 'custom',
      path: ['heartbeatSeconds'],
      message: `must not be more than idleTimeoutSeconds (${idleTimeoutSeconds})`,
    })
}

/** A checked site with all defaults filled in. */
export type CheckedSite = z.output<ReturnType<typeof createSiteSchema>>
