import { createInvalidReportError } from './errors.ts'

/** A time: a `Date`, or epoch milliseconds. */
export type Time = Date | number

/** 2000-01-01. An earlier time is almost certainly in seconds. */
const minEpochMs = 946_684_800_000
const maxIdLength = 255
/** What the collector refuses in ids: control characters, lone surrogates, line separators and marks of direction. */
const unsafe = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u

/**
 * Converts a time to epoch milliseconds.
 *
 * @throws {LapseServerError} `invalid_report`
 */
export function formatTime(time: Time, name: string): number {
  const epochMs = time instanceof Date || typeof time === 'number' ? Math.round(Number(time)) : Number.NaN
  if (!Number.isSafeInteger(epochMs))
    throw createInvalidReportError(`${name} is not a time. Pass a Date or epoch milliseconds.`)
  if (epochMs < minEpochMs)
    throw createInvalidReportError(
      `${name} is before the year 2000: it looks like seconds. Pass a Date or epoch milliseconds.`,
    )
  return epochMs
}

/**
 * Converts an id to a string.
 *
 * @throws {LapseServerError} `invalid_report` if the collector would refuse the id.
 */
export function formatId(id: unknown, name: string): string {
  const text = Number.isSafeInteger(id) || typeof id === 'bigint' ? String(id) : id
  if (typeof text === 'string' && text.length > 0 && text.length <= maxIdLength && !unsafe.test(text))
    return text
  const expected = `a string of 1 to ${maxIdLength} characters without control characters, or an integer`
  throw createInvalidReportError(`${name} is not a valid id. Pass ${expected}.`)
}
