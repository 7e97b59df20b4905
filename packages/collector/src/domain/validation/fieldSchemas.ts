import { z } from 'zod'
import { maxLengths } from '../sessionEnd.ts'
import { isPlainText } from '../text/plainText.ts'

const mustBePlainText = 'must be plain text without control characters'

/** Plain text of 1 to `maxLength` characters. */
export const createPlainTextSchema = (maxLength: number) =>
  z.string().min(1).max(maxLength).refine(isPlainText, { error: mustBePlainText })

/** An opaque id. An integer is converted to a string, so that 42 and "42" are the same user. */
export const idSchema = z
  .preprocess(
    (value) => (Number.isSafeInteger(value) ? String(value) : value),
    z
      .string({ error: ({ input }) => describeIdFault(input) })
      .min(1)
      .max(maxLengths.id)
      .refine(isPlainText, { error: mustBePlainText }),
  )
  .meta({ type: ['string', 'integer'] })

function describeIdFault(input: unknown): string | undefined {
  if (input === undefined) return undefined
  return Number.isInteger(input)
    ? 'is too large for a JSON number, which would be rounded; send it as a string'
    : 'must be a string or an integer'
}

/** 2000-01-01T00:00:00.000Z. An earlier time is almost certainly in seconds. */
const minEpochMs = 946_684_800_000

/** 9999-12-31T23:59:59.999Z, the last instant that a `DATETIME` column can hold. */
export const maxEpochMs = 253_402_300_799_999

/** A time in epoch milliseconds. */
export const epochMsSchema = z
  .int({ error: ({ input }) => describeTimeFault(input) })
  .min(minEpochMs, { error: ({ input }) => describeTimeFault(input) })
  .max(maxEpochMs, { error: ({ input }) => describeTimeFault(input) })

function describeTimeFault(input: unknown): string | undefined {
  if (input === undefined) return undefined
  if (typeof input !== 'number' || Number.isNaN(input) || input < 0)
    return 'must be a time in epoch milliseconds, such as 1767340800000'
  if (input < minEpochMs) return 'is before the year 2000: it looks like seconds; send milliseconds'
  if (input <= maxEpochMs) return 'must be a whole number of milliseconds; round it'
  if (input / 1_000 <= maxEpochMs)
    return 'is after the year 9999: it looks like microseconds; send milliseconds'
  return 'is after the year 9999: it looks like nanoseconds; send milliseconds'
}
