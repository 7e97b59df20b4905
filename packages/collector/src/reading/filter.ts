import { z } from 'zod'
import { maxTime, opaque } from '../domain/endReport.ts'
import { evidences } from '../domain/sessionEnd.ts'
import { reasons } from '../domain/verdict.ts'

const instant = z
  .union(
    [
      z.iso.datetime({ offset: true }),
      z.iso.datetime({ offset: true, precision: -1 }),
      z.iso.date(),
      z
        .string()
        .regex(/^\d{12,15}$/)
        .transform(Number),
    ],
    { error: 'write a time with its zone, such as 2026-01-02T13:30:00Z, a date, or epoch milliseconds' },
  )
  .transform((time) => new Date(time))
  .refine((time) => time.getTime() >= 0 && time.getTime() <= maxTime, {
    error: 'write a time from 1970 to 9999',
  })

/**
 * Which rows are asked for: those that match all that is given. Times are those of the detection; `from` is inclusive,
 * `to` is not.
 */
export const sessionEndFilterSchema = z
  .strictObject({
    site: opaque(64).optional(),
    subject: opaque(255).optional(),
    session: opaque(255).optional(),
    reason: z.enum(reasons).optional(),
    evidence: z.enum(evidences).optional(),
    from: instant.optional(),
    to: instant.optional(),
  })
  .refine(({ from, to }) => from === undefined || to === undefined || from < to, {
    path: ['to'],
    error: 'must be later than "from"',
  })

/** A checked filter. */
export type SessionEndFilter = Readonly<z.output<typeof sessionEndFilterSchema>>

/** From one instant to another, which is no part of it. */
export interface TimeSpan {
  readonly from: Date
  readonly to: Date
}
