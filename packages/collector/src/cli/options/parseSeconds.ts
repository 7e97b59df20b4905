import { InvalidArgumentError } from 'commander'
import { parseDuration } from '../../domain/text/parseDuration.ts'

/** Parses an option that is a length of time: a duration such as `30m`, or a plain number of seconds. */
export function parseSeconds(text: string): number {
  const seconds = /^\d+$/.test(text) ? Number(text) : (parseDuration(text) ?? 0) / 1000
  if (Number.isSafeInteger(seconds) && seconds > 0) return seconds
  throw new InvalidArgumentError(
    'Must be a duration such as 30m, 12h or 90d, or a whole number of seconds, 1 or more.',
  )
}
