import { InvalidArgumentError } from 'commander'
import { maxPageSize } from '../../reading/filter.ts'

/** Parses an option that is a number of rows. */
export function parseLimit(text: string): number {
  const limit = Number(text)
  if (/^\d+$/.test(text) && limit >= 1 && limit <= maxPageSize) return limit
  throw new InvalidArgumentError(`Must be a whole number from 1 to ${maxPageSize}.`)
}
