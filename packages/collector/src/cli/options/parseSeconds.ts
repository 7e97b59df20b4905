import { InvalidArgumentError } from 'commander'

/** Reads an option that is a number of seconds. */
export function seconds(text: string): number {
  const count = Number(text)
  if (/^\d+$/.test(text) && count > 0) return count
  throw new InvalidArgumentError('Write a whole number of seconds.')
}
