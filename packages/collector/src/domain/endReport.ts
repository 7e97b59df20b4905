import { z } from 'zod'
import { markerSchema, optional, requireEither, sharedReportFields } from './reportFields.ts'
import { detectionMethods } from './sessionEnd.ts'
import { epochMsSchema, idSchema } from './validation/fieldSchemas.ts'
import { createInvalidReportError } from './validation/invalidReport.ts'
import { runDespiteErrors, validate } from './validation/validate.ts'

/** The fields that browsers and servers share. */
const sharedFields = {
  ...sharedReportFields,
  browserRestarted: optional(z.boolean()).describe('Whether the browser was closed after the last access.'),
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
    .exclude(['server', 'sweep'])
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

/**
 * The report of a server that all sessions of a user have ended, for example after a change of the password. It ends
 * the live sessions, except one.
 */
export const subjectEndReportSchema = z.object({
  site: sharedReportFields.site,
  subject: idSchema.describe('The user whose live sessions have ended.'),
  reason: z.enum(serverReasons).describe('Why the sessions ended.'),
  except: optional(idSchema).describe('The alias of a session that continues.'),
  detectedAt: optional(epochMsSchema).describe('When the sessions ended. Defaults to now.'),
  sentAt: optional(epochMsSchema).describe('When this request was sent. Defaults to now.'),
})

export type SubjectEndReport = z.output<typeof subjectEndReportSchema>

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
  throw createInvalidReportError(result.faults)
}

/** Returns whether a server's report names a user and a reason, but no session. */
export function isSubjectEndReport(body: unknown): boolean {
  if (typeof body !== 'object' || body === null) return false
  const { session, marker, subject, reason, detectedBy }: Record<string, unknown> = { ...body }
  const isMissing = (value: unknown) => value === undefined || value === null
  const isFromServer = isMissing(detectedBy) || detectedBy === 'server'
  return isFromServer && isMissing(session) && isMissing(marker) && !isMissing(subject) && !isMissing(reason)
}

/**
 * Checks a report of an array, in which each report is about one session.
 *
 * @throws {LapseError} `invalid-event`, with an entry in `errors` for each invalid field.
 */
export function parseArrayedEndReport(report: unknown): EndReport {
  if (isSubjectEndReport(report)) {
    const detail = 'is required in an array: send the end of all sessions of a user alone'
    throw createInvalidReportError([{ path: ['session'], detail }])
  }
  return parseEndReport(report, 'server')
}

/**
 * Checks the parsed body of a report for which `isSubjectEndReport` is true.
 *
 * @throws {LapseError} `invalid-event`, with an entry in `errors` for each invalid field.
 */
export function parseSubjectEndReport(body: unknown): SubjectEndReport {
  const result = validate(subjectEndReportSchema, body)
  if (result.success) return result.data
  throw createInvalidReportError(result.faults)
}

/** Without the fields that only apply to logouts. Like unknown fields, they are ignored in other reports. */
const detectionSchema = browserEndReportSchema.omit({ reason: true, report: true })

function chooseSchema(body: unknown, sender: 'browser' | 'server'): z.ZodType<EndReport> {
  const detectedBy =
    typeof body === 'object' && body !== null && 'detectedBy' in body ? body.detectedBy : sender
  if (detectedBy === 'server') return serverEndReportSchema
  return detectedBy === 'logout' ? browserEndReportSchema : detectionSchema
}
