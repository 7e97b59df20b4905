import { InvalidArgumentError } from 'commander'

/** Parses an option that is a number of seconds. */
export function parseSeconds(text: string): number {
  const seconds = Number(text)
  if (/^\d+$/.test(text) && seconds > 0) return seconds
  throw new InvalidArgumentError('Must be a whole number of seconds, 1 or more.')
}
