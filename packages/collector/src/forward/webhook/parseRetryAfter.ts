import { hourMs } from '../../domain/durations.ts'

/** A receiver that asks for more would stop the destination for a long time by mistake. */
const maxRetryAfterMs = hourMs

/**
 * Parses a `Retry-After` header: seconds, or a date (RFC 9110, section 10.2.3).
 *
 * @returns how long to wait, in milliseconds, at most an hour. Undefined if the header is missing or invalid.
 */
export function parseRetryAfter(header: string | null, now: number): number | undefined {
  if (header === null) return undefined
  const waitMs = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isNaN(waitMs) ? undefined : Math.min(Math.max(waitMs, 0), maxRetryAfterMs)
}
