import { timeZone } from '../format/dateTime.ts'
import type { Route } from '../state/route.ts'
import { timeRanges } from '../state/timeRanges.ts'

const filterNames = ['site', 'reason', 'evidence', 'subject', 'session'] as const
const dayMs = 86_400_000
/** Longer periods are counted by day. */
const longestHourlyPeriodMs = 8 * dayMs
const longestSummaryMs = timeRanges['5y'].days * dayMs

/**
 * Builds the query parameters of `GET v1/lapses` from the filters.
 *
 * @param now the end of a time range, in epoch milliseconds.
 */
export function buildListQuery({ get, timeRange }: Route, now: number): URLSearchParams {
  const query = new URLSearchParams()
  for (const name of filterNames) if (get(name)) query.set(name, get(name))
  if (timeRange === 'custom') {
    if (get('from')) query.set('from', get('from'))
    if (get('to')) query.set('to', get('to'))
  } else {
    query.set('from', new Date(now - timeRanges[timeRange].days * dayMs).toISOString())
  }
  return query
}

/**
 * Builds the query parameters of `GET v1/summary`, which covers five years at most.
 *
 * @param listQuery the result of `buildListQuery`.
 * @param now the end of the period if the query has none, in epoch milliseconds.
 */
export function buildSummaryQuery(listQuery: URLSearchParams, now: number): URLSearchParams {
  const query = new URLSearchParams(listQuery)
  const to = Date.parse(listQuery.get('to') ?? '') || now
  // Zero, because five years before a very early end there is no valid date.
  const from = Math.max(Date.parse(listQuery.get('from') ?? '') || 0, to - longestSummaryMs, 0)
  query.set('from', new Date(from).toISOString())
  query.set('bucket', to - from <= longestHourlyPeriodMs ? 'hour' : 'day')
  query.set('timeZone', timeZone)
  return query
}
