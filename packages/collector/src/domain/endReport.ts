import { z } from 'zod'
import { LapseError } from './errors.ts'
import { isPlainText } from './text/plainText.ts'
import { always } from './validation/alwaysRefine.ts'
import { validate } from './validation/validate.ts'

/** The last instant that a `DATETIME` column holds: 9999-12-31T23:59:59.999Z, in epoch milliseconds. */
export const maxTime = 253_402_300_799_999

const notPlain = 'must be plain text without control characters'

/** An opaque text: at most `maxLength` characters, all of them plain. */
export const opaque = (maxLength: number) =>
  z.string().min(1).max(maxLength).refine(isPlainText, { error: notPlain })

/** An opaque id. A whole number is taken for its digits, so that 42 and "42" are the same user. */
export const opaqueId = z
  .preprocess(
    (value) => (Number.isSafeInteger(value) ? String(value) : value),
    z
      .string({ error: ({ input }) => describeWrongId(input) })
      .min(1)
      .max(255)
      .refine(isPlainText, { error: notPlain }),
  )
  .meta({ type: ['string', 'integer'] })

function describeWrongId(input: unknown): string | undefined {
  if (input === undefined) return undefined
  return Number.isInteger(input)
    ? 'is too large for a number in JSON, which would be rounded; send it as text'
    : 'must be text or a whole number'
}

/** 2000-01-01T00:00:00.000Z. What is earlier is almost certainly in seconds. */
const minTime = 946_684_800_000

const time = z
  .int({ error: ({ input }) => describeWrongTime(input) })
  .min(minTime, { error: ({ input }) => describeWrongTime(input) })
  .max(maxTime, { error: ({ input }) => describeWrongTime(input) })

function describeWrongTime(input: unknown): string | undefined {
  if (input === undefined) return undefined
  if (typeof input !== 'number' || Number.isNaN(input) || input < 0)
    return 'must be a number of epoch milliseconds, such as 1767340800000'
  if (input < minTime) return 'is before the year 2000: it looks like seconds; send milliseconds'
  if (input <= maxTime) return 'must be a whole number of milliseconds; round it'
  if (input / 1_000 <= maxTime) return 'is after the year 9999: it looks like microseconds; send milliseconds'
  return 'is after the year 9999: it looks like nanoseconds; send milliseconds'
}

const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined)

const marker = z.guid().toLowerCase()

/** What both kinds of events may say of a session. */
const described = {
  site: opaque(64).describe('The audited application, as the configuration names it.'),
  session: optional(opaqueId).describe(
    'The session alias: random, the same for the whole life of the session, never its own id.',
  ),
  subject: optional(opaqueId).describe('An opaque id of the user, never a name or an address.'),
  ticket: optional(z.string().min(1)).describe('A JWT of the type `lapse+jwt` that the site signed.'),
  browserRestarted: optional(z.boolean()).describe('Whether the browser was closed since.'),
  client: optional(opaque(32)).describe('The version of the client.'),
}

/**
 * What a browser posts about one ended session. Times are epoch milliseconds of the browser's clock.
 * Unknown fields are dropped, so that a newer client loses nothing to an older collector.
 */
export const browserEndReportSchema = z.object({
  ...described,
  marker: marker.describe("The marker's id: the same for every try to report this session."),
  startedAt: time.describe('The sign-in.'),
  lastAccessAt: time.describe('The last access.'),
  detectedAt: time.describe('When the end was noticed.'),
  sentAt: time.describe('When this request was sent.'),
  detectedBy: z.enum(['login_page', 'new_session', 'logout']),
})

/** What a server may call the end of a session by itself. */
const serverReasons = ['idle_timeout', 'absolute_timeout', 'logout', 'revoked', 'displaced'] as const

/** In JSON Schema: one of two fields is there, and is not null. */
function given(...names: readonly [string, string]) {
  return {
    anyOf: names.map((name) => ({ required: [name], properties: { [name]: { not: { type: 'null' } } } })),
  }
}

/** What a server posts. Times are of its own clock; `detectedAt` and `sentAt` are now unless given. */
export const serverEndReportSchema = z
  .object({
    ...described,
    marker: optional(marker),
    startedAt: optional(time),
    lastAccessAt: optional(time),
    detectedAt: optional(time).describe('When the session ended. Now, unless given.'),
    sentAt: optional(time).describe('When this request was sent. Now, unless given.'),
    detectedBy: z.literal('server').default('server').describe('With a token it may be left out.'),
    reason: optional(z.enum(serverReasons)).describe('Left out, the collector judges by the times.'),
  })
  .refine((event) => event.session !== undefined || event.marker !== undefined, {
    path: ['session'],
    error: 'name the session: its alias here, or its marker',
    ...always,
  })
  .refine((event) => event.reason !== undefined || event.lastAccessAt !== undefined, {
    path: ['reason'],
    error: 'give a reason, or the time of the last access to judge by',
    ...always,
  })
  // The two refinements in the words of JSON Schema, for the reference.
  .meta({ allOf: [given('session', 'marker'), given('reason', 'lastAccessAt')] })

type BrowserEvent = z.output<typeof browserEndReportSchema>
type ServerEvent = z.output<typeof serverEndReportSchema>
export type EndReport = BrowserEvent | ServerEvent

/**
 * Checks a parsed body. What a server sends, by its token, is a server's event unless it says otherwise.
 *
 * @throws {LapseError} `invalid-event`, naming every bad field.
 */
export function parseEndReport(body: unknown, sender: 'browser' | 'server'): EndReport {
  const result = validate<EndReport>(
    isServerEvent(body, sender) ? serverEndReportSchema : browserEndReportSchema,
    body,
  )
  if (result.success) return result.data
  const errors = result.faults.map(({ path, detail }) => ({
    pointer: `#${path.map((key) => `/${String(key)}`).join('')}`,
    detail,
  }))
  const fields = errors.map(({ pointer }) => pointer.slice(2) || 'the whole body')
  const message = `Correct these fields and send the event again: ${fields.join(', ')}.`
  throw new LapseError('invalid-event', message, { errors })
}

function isServerEvent(body: unknown, sender: 'browser' | 'server'): boolean {
  if (typeof body !== 'object' || body === null) return false
  return 'detectedBy' in body ? body.detectedBy === 'server' : sender === 'server'
}
