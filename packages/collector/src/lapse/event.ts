import { z } from 'zod'
import { LapseError } from './error.ts'

/** The last instant that a `DATETIME` column holds: 9999-12-31T23:59:59.999Z, in epoch milliseconds. */
export const maxTime = 253_402_300_799_999

// A lone surrogate has no UTF-8 form, and a control character could forge a line of a log.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/

/** An opaque id: at most `maxLength` characters of plain text. */
export const opaque = (maxLength: number) =>
  z
    .string()
    .min(1)
    .max(maxLength)
    .refine((text) => text.isWellFormed() && !unprintable.test(text), {
      error: 'must be plain text without control characters',
    })

const time = z.int().min(0).max(maxTime)

const optional = <T extends z.ZodType>(schema: T) => schema.nullish().transform((value) => value ?? undefined)

/**
 * What a browser posts about one ended session. Times are epoch milliseconds of the browser's clock.
 * Unknown fields are dropped, so that a newer client loses nothing to an older collector.
 */
export const lapseEventSchema = z.object({
  site: opaque(64),
  marker: z.guid().toLowerCase(),
  startedAt: time,
  lastAccessAt: time,
  detectedAt: time,
  sentAt: time,
  session: optional(opaque(255)),
  subject: optional(opaque(255)),
  ticket: optional(z.string().min(1)),
  detectedBy: z.enum(['login_page', 'new_session', 'logout']),
  browserRestarted: optional(z.boolean()),
  client: optional(opaque(32)),
})

export type LapseEvent = z.output<typeof lapseEventSchema>

/**
 * Checks a parsed body.
 *
 * @throws {LapseError} `invalid-event`, naming every bad field.
 */
export function parseLapseEvent(body: unknown): LapseEvent {
  const result = lapseEventSchema.safeParse(body)
  if (result.success) return result.data
  const errors = result.error.issues.map(({ path, message }) => ({
    pointer: `#${path.map((key) => `/${String(key)}`).join('')}`,
    detail: message,
  }))
  const fields = errors.map(({ pointer }) => pointer.slice(2) || 'the whole body')
  throw new LapseError(
    'invalid-event',
    `Correct these fields and send the event again: ${fields.join(', ')}.`,
    {
      errors,
    },
  )
}
