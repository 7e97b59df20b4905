import { z } from 'zod'
import { LapseError } from './errors.ts'
import { detectionMethods, maxLengths } from './sessionEnd.ts'
import { createPlainTextSchema, epochMsSchema, idSchema } from './validation/fieldSchemas.ts'
import { runDespiteErrors, validate } from './validation/validate.ts'

/** Accepts null and a missing field alike. */
const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined)

const markerSchema = z.guid().toLowerCase()

/** The fields that browsers and servers share. */
const sharedFields = {
  site: createPlainTextSchema(maxLengths.site).describe(
    'The audited application, by its name in the configuration.',
  ),
  session: optional(idSchema).describe(
    "The session alias: a random id that stays the same for the session's whole life. Never the session's own id. An integer is converted to a string.",
  ),
  subject: optional(idSchema).describe(
    'An opaque id of the user. Never a name or an email address. An integer is converted to a string, so `42` and `"42"` are the same user.',
  ),
  ticket: optional(z.string().min(1)).describe('A JWT of type `lapse+jwt`, signed by the application.'),
  browserRestarted: optional(z.boolean()).describe('Whether the browser was closed after the last access.'),
  client: optional(createPlainTextSchema(maxLengths.clientVersion)).describe('The version of the client.'),
}

/**
 * The report that a browser sends when a session has ended. Times are epoch milliseconds of the browser's clock.
 * Unknown fields are ignored, so that an older collector accepts the reports of a newer client.
 */
export const browserEndReportSchema = z.object({
  ...sharedFields,
  marker: markerSchema.describe("The marker's id. Every report of the same session has the same id."),
  startedAt: epochMsSchema.describe('When the session started.'),
  lastAccessAt: epochMsSchema.describe('When the session was last used.'),
  detectedAt: epochMsSchema.describe('When the end of the session was detected.'),
  sentAt: epochMsSchema.describe('When this request was sent.'),
  detectedBy: z
    .enum(detectionMethods)
    .exclude(['server'])
    .describe('How the end of the session was detected.'),
  reason: z
    .literal('idle_timeout')
    .nullish()
    .describe(
      'Only with `detectedBy: "logout"`: the application\'s own idle timer ended the session. Always recorded as `idle_timeout`, unless the times contradict each other.',
    ),
  report: z
    .boolean()
    .nullish()
    .describe(
      'Only with `detectedBy: "logout"`: whether to record a logout before any limit was reached, even if the site does not set `recordLogouts`.',
    ),
})

/** The reasons that a server may state. The collector infers all others from the times. */
const serverReasons = ['idle_timeout', 'absolute_timeout', 'logout', 'revoked', 'displaced'] as const

/**
 * The report that a server sends when a session has ended. Times are epoch milliseconds of the server's clock;
 * `detectedAt` and `sentAt` default to now.
 */
export const serverEndReportSchema = z
  .object({
    ...sharedFields,
    marker: optional(markerSchema).describe("The marker's id."),
    startedAt: optional(epochMsSchema).describe('When the session started.'),
    lastAccessAt: optional(epochMsSchema).describe('When the session was last used.'),
    detectedAt: optional(epochMsSchema).describe('When the session ended. Defaults to now.'),
    sentAt: optional(epochMsSchema).describe('When this request was sent. Defaults to now.'),
    detectedBy: z.literal('server').default('server').describe('Optional in a request with a bearer token.'),
    reason: optional(z.enum(serverReasons)).describe(
      'Why the session ended. Without it, the collector infers the reason from the times.',
    ),
  })
  .refine(({ session, marker }) => session !== undefined || marker !== undefined, {
    path: ['session'],
    error: 'is required unless marker is set',
    ...runDespiteErrors,
  })
  .refine(({ reason, lastAccessAt }) => reason !== undefined || lastAccessAt !== undefined, {
    path: ['reason'],
    error: 'is required unless lastAccessAt is set',
    ...runDespiteErrors,
  })
  // The JSON Schema of the two refinements, for the API reference.
  .meta({ allOf: [requireEither('session', 'marker'), requireEither('reason', 'lastAccessAt')] })

/** The JSON Schema of an object in which at least one of two fields is present and not null. */
function requireEither(...names: readonly [string, string]) {
  return {
    anyOf: names.map((name) => ({ required: [name], properties: { [name]: { not: { type: 'null' } } } })),
  }
}

type BrowserEndReport = z.output<typeof browserEndReportSchema>
type ServerEndReport = z.output<typeof serverEndReportSchema>

/** A checked report that a session has ended. `detectedBy` tells a server's from a browser's. */
export type EndReport = BrowserEndReport | ServerEndReport

/**
 * Checks the parsed body of a report.
 *
 * @param sender decides how to read a report without `detectedBy`: a request with a bearer token comes from a server.
 * @throws {LapseError} `invalid-event`, with an entry in `errors` for each invalid field.
 */
export function parseEndReport(body: unknown, sender: 'browser' | 'server'): EndReport {
  const schema = chooseSchema(body, sender)
  const result = validate<EndReport>(schema, body)
  if (result.success) return result.data
  const errors = result.faults.map(({ path, detail }) => ({
    pointer: `#${path.map((key) => `/${String(key)}`).join('')}`,
    detail,
  }))
  const fields = errors.map(({ pointer }) => pointer.slice(2) || 'the whole body')
  const message = `Correct these fields and send the report again: ${fields.join(', ')}.`
  throw new LapseError('invalid-event', message, { errors })
}

/** Without the fields that only apply to logouts. Like unknown fields, they are ignored in other reports. */
const detectionSchema = browserEndReportSchema.omit({ reason: true, report: true })

function chooseSchema(body: unknown, sender: 'browser' | 'server'): z.ZodType<EndReport> {
  const detectedBy =
    typeof body === 'object' && body !== null && 'detectedBy' in body ? body.detectedBy : sender
  if (detectedBy === 'server') return serverEndReportSchema
  return detectedBy === 'logout' ? browserEndReportSchema : detectionSchema
}
