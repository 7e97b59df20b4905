import { z } from 'zod'
import { markerSchema, optional, requireEither, sharedReportFields } from './reportFields.ts'
import { epochMsSchema } from './validation/fieldSchemas.ts'
import { createInvalidReportError } from './validation/invalidReport.ts'
import { runDespiteErrors, validate } from './validation/validate.ts'

const heartbeatSchema = optional(z.number().nonnegative()).describe(
  'How often the sender reports activity, in seconds. It counts up to half of the idle timeout.',
)

/**
 * The report that a browser sends while a session is in use. Times are epoch milliseconds of the browser's clock.
 * Unknown fields are ignored.
 */
export const browserActivityReportSchema = z.object({
  ...sharedReportFields,
  marker: markerSchema.describe("The marker's id."),
  startedAt: epochMsSchema.describe('When the session started.'),
  lastAccessAt: epochMsSchema.describe('When the session was last used.'),
  sentAt: epochMsSchema.describe('When this request was sent.'),
  heartbeatSeconds: heartbeatSchema,
})

/** The report that a server sends while a session is in use. `lastAccessAt` and `sentAt` default to now. */
export const serverActivityReportSchema = z
  .object({
    ...sharedReportFields,
    marker: optional(markerSchema).describe("The marker's id."),
    startedAt: optional(epochMsSchema).describe('When the session started.'),
    lastAccessAt: optional(epochMsSchema).describe('When the session was last used. Defaults to `sentAt`.'),
    sentAt: optional(epochMsSchema).describe('When this request was sent. Defaults to now.'),
    heartbeatSeconds: heartbeatSchema,
  })
  .refine(({ session, marker }) => session !== undefined || marker !== undefined, {
    path: ['session'],
    error: 'is required unless marker is set',
    ...runDespiteErrors,
  })
  // The JSON Schema of the refinement, for the API reference.
  .meta(requireEither('session', 'marker'))

/** A checked report that a session was used. */
export type ActivityReport =
  | z.output<typeof browserActivityReportSchema>
  | z.output<typeof serverActivityReportSchema>

/**
 * Checks the parsed body of an activity report.
 *
 * @throws {LapseError} `invalid-event`, with an entry in `errors` for each invalid field.
 */
export function parseActivityReport(body: unknown, sender: 'browser' | 'server'): ActivityReport {
  const result = validate<ActivityReport>(
    sender === 'server' ? serverActivityReportSchema : browserActivityReportSchema,
    body,
  )
  if (result.success) return result.data
  throw createInvalidReportError(result.faults)
}
