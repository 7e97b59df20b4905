import type { Route } from './route.ts'
import { timeRanges } from './timeRanges.ts'

/**
 * Returns the period of the URL in epoch milliseconds. A bound is null if it is open or invalid.
 *
 * @param now the end of a time range, in epoch milliseconds.
 */
export function readPeriod(
  { get, timeRange, zone }: Pick<Route, 'get' | 'timeRange' | 'zone'>,
  now: number,
): { readonly from: number | null; readonly to: number | null } {
  if (timeRange !== 'custom') return timeRanges[timeRange].resolve(now, zone)
  const readTime = (name: 'from' | 'to') => {
    const at = Date.parse(get(name))
    return Number.isNaN(at) ? null : at
  }
  return { from: readTime('from'), to: readTime('to') }
}
