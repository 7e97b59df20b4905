import { z } from 'zod'
import { type Evidence, evidenceKinds } from './evidence.ts'
import { type Reason, reasons } from './verdict.ts'

const reasonMeanings = {
  clock_anomaly: 'The reported times contradict each other or are impossibly old.',
  logout: 'The user signed out.',
  revoked: 'The application ended the session, for example after a password change.',
  displaced: 'A newer sign-in of the same user replaced the session.',
  idle_timeout:
    'The session sat idle until its idle timeout, or ended a little earlier, within the grace period or `refreshSeconds`. Or the application reported the timeout.',
  absolute_timeout: 'The session reached its maximum age.',
  browser_closed: 'The browser was closed before a limit was reached.',
  ended_early: 'The session was gone before a limit was reached, and nothing else is known.',
} satisfies Readonly<Record<Reason, string>>

const evidenceMeanings = {
  signed: 'A browser sent the report with a ticket that the application signed.',
  self_reported: 'A browser sent the report without a ticket.',
  server: "The application's backend sent the report with a bearer token.",
} satisfies Readonly<Record<Evidence, string>>

export const detectionMethods = ['login_page', 'new_session', 'logout', 'server', 'sweep'] as const
type DetectedBy = (typeof detectionMethods)[number]

const detectedByMeanings = {
  login_page: 'A page without a session found a marker.',
  new_session: 'A page with a new session found the marker of an earlier one.',
  logout:
    "The user, or the application's own idle timer, signed out in the browser. The session may have timed out before.",
  server: "The application's backend reported the end.",
  sweep: 'The time of a live session ran out, and nobody reported its end.',
} satisfies Readonly<Record<DetectedBy, string>>

/** The maximum lengths of texts in rows and in reports, in characters. */
export const maxLengths = {
  site: 64,
  id: 255,
  origin: 255,
  userAgent: 512,
  clientVersion: 32,
} as const

const text = (maxLength: number) => z.string().max(maxLength)

/** A UTC instant: a `Date` in TypeScript, an ISO 8601 string in JSON. */
export const timeSchema = z.codec(z.iso.datetime(), z.date(), {
  decode: (iso) => new Date(iso),
  encode: (date) => date.toISOString(),
})

/**
 * A row of the audit table. This is the only list of its fields: the types, columns, JSON, CSV, OpenAPI schema, mirror
 * conditions and reference are derived from it, in this order. Migrations are the exception, because they never change.
 *
 * It describes rows and does not check them: reports are checked when they arrive.
 */
export const sessionEndSchema = z.object({
  id: z.int().positive().describe('The key of the row.'),
  site: text(maxLengths.site).describe('The audited application, by its name in the configuration.'),
  sessionKey: text(maxLengths.id).describe(
    'Identifies the session within its site: the alias if it is known, otherwise the marker id.',
  ),
  revision: z
    .int()
    .positive()
    .describe(
      'Counts the rows of the session: 1 for the first, and one more for each row that supersedes it.',
    ),
  supersedes: z
    .int()
    .positive()
    .nullable()
    .describe('The id of the row that this row corrects. A row is current if no other row supersedes it.'),
  marker: text(36).nullable().describe("The id of the client's marker."),
  session: text(maxLengths.id).nullable().describe('The session alias.'),
  subject: text(maxLengths.id).nullable().describe('The opaque id of the user.'),
  reason: z.enum(reasons).describe('Why the session ended.'),
  evidence: z.enum(evidenceKinds).describe('How far the row can be trusted.'),
  detectedBy: z.enum(detectionMethods).describe('How the end of the session was detected.'),
  startedAt: timeSchema.nullable().describe('When the session started.'),
  lastAccessAt: timeSchema.nullable().describe('When the session was last used.'),
  expiredAt: timeSchema
    .nullable()
    .describe(
      'When the limit was reached, never later than `detectedAt`. Null if the reason is no timeout, or if a server states a timeout without a last access.',
    ),
  detectedAt: timeSchema.describe('When the end of the session was detected.'),
  receivedAt: timeSchema.describe('When the collector received the report. No time in the row is later.'),
  elapsedMs: z
    .int()
    .nullable()
    .describe("Milliseconds from the last access to the detection, by the sender's clock."),
  idleTimeoutSeconds: z.int().nullable().describe("The session's idle timeout, in seconds."),
  absoluteTimeoutSeconds: z.int().nullable().describe("The session's absolute timeout, in seconds."),
  clockSkewMs: z
    .int()
    .describe("Milliseconds that were added to the sender's times to convert them to the collector's clock."),
  browserRestarted: z.boolean().nullable().describe('Whether the browser was closed after the last access.'),
  origin: text(maxLengths.origin).nullable().describe('The origin of the page that sent the report.'),
  ip: text(45)
    .nullable()
    .describe('The IP address of the sender, truncated unless the site is configured otherwise.'),
  userAgent: text(maxLengths.userAgent).nullable().describe('The `User-Agent` header of the report.'),
  clientVersion: text(maxLengths.clientVersion)
    .nullable()
    .describe('The version of the client that sent the report.'),
})

/** A row of the audit table: how and when one session ended. Times are by the collector's clock. */
export type SessionEnd = Readonly<z.output<typeof sessionEndSchema>>

/** A row before the database assigns its `id`. */
export type NewSessionEnd = Omit<SessionEnd, 'id'>

interface Field {
  /** Its name in TypeScript, JSON and CSV. */
  readonly name: keyof SessionEnd
  /** Its column in the audit table. */
  readonly column: string
  readonly description: string
  readonly isNullable: boolean
}

/** Describes one field of `SessionEnd`, for code that processes all fields. */
export type SessionEndField =
  | (Field & { readonly kind: 'number' | 'time' | 'boolean' })
  | (Field & {
      readonly kind: 'text'
      /** In characters. */
      readonly maxLength: number
    })
  | (Field & {
      readonly kind: 'enum'
      /** The possible values and their meanings. */
      readonly values: Readonly<Record<string, string>>
    })

const meaningsByField: Readonly<Partial<Record<keyof SessionEnd, Readonly<Record<string, string>>>>> = {
  reason: reasonMeanings,
  evidence: evidenceMeanings,
  detectedBy: detectedByMeanings,
}

/** All fields of `SessionEnd`, in the order of the columns. */
export const sessionEndFields: readonly SessionEndField[] = Object.entries(sessionEndSchema.shape).map(
  // The keys of the shape are those of its type.
  ([name, schema]) => describeField(name as keyof SessionEnd, schema),
)

function describeField(name: keyof SessionEnd, schema: z.ZodType): SessionEndField {
  const isNullable = schema instanceof z.ZodNullable
  const type = isNullable ? schema.unwrap() : schema
  const field = { name, column: toColumnName(name), description: schema.description ?? '', isNullable }
  if (type instanceof z.ZodString) return { ...field, kind: 'text', maxLength: type.maxLength ?? 0 }
  if (type instanceof z.ZodEnum) return { ...field, kind: 'enum', values: meaningsByField[name] ?? {} }
  if (type instanceof z.ZodNumber) return { ...field, kind: 'number' }
  return { ...field, kind: type instanceof z.ZodBoolean ? 'boolean' : 'time' }
}

/** Returns the column of a field: `last_access_at` for `lastAccessAt`. */
export function toColumnName(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}
