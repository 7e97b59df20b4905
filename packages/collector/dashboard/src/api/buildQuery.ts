import { getTimeZone } from '../format/dateTime.ts'
import type { Route } from '../state/route.ts'
import { timeRanges } from '../state/timeRanges.ts'
import type { Summary } from './types.ts'

const filterNames = ['site', 'search'] as const
const dayMs = 86_400_000
/** The longest period that each unit of time is used for. Longer periods are counted by month. */
const longestPeriods = [
  { bucket: 'hour', days: 8 },
  { bucket: 'day', days: 93 },
  { bucket: 'week', days: 400 },
] as const
const longestSummaryMs = 5 * 365 * dayMs

/**
 * Builds the query parameters of `GET v1/lapses` from the filters.
 *
 * @param now the end of a time range, in epoch milliseconds.
 */
export function buildListQuery({ get, timeRange, zone }: Route, now: number): URLSearchParams {
  const query = new URLSearchParams()
  for (const name of filterNames) if (get(name)) query.set(name, get(name))
  if (timeRange === 'custom') {
    if (get('from')) query.set('from', get('from'))
    if (get('to')) query.set('to', get('to'))
  } else {
    const { from, to } = timeRanges[timeRange].resolve(now, zone)
    query.set('from', new Date(from).toISOString())
    if (to !== null) query.set('to', new Date(to).toISOString())
  }
  return query
}

/**
 * Builds the query parameters of `GET v1/summary`, which covers five years at most.
 *
 * @param listQuery the result of `buildListQuery`.
 * @param now the end of the period if the query has none, in epoch milliseconds.
 */
export function buildSummaryQuery(
  listQuery: URLSearchParams,
  now: number,
  { isComparing }: Pick<Route, 'isComparing'>,
): URLSearchParams {
  const query = new URLSearchParams(listQuery)
  const to = Date.parse(listQuery.get('to') ?? '') || now
  // Zero, because five years before a very early end there is no valid date.
  const from = Math.max(Date.parse(listQuery.get('from') ?? '') || 0, to - longestSummaryMs, 0)
  query.set('from', new Date(from).toISOString())
  query.set('bucket', chooseBucket(to - from))
  query.set('timeZone', getTimeZone())
  if (isComparing) query.set('compare', 'previous')
  return query
}

function chooseBucket(periodMs: number): Summary['bucket'] {
  return longestPeriods.find(({ days }) => periodMs <= days * dayMs)?.bucket ?? 'month'
}

export type ExportFormat = 'csv' | 'ndjson'

/**
 * Builds the path that downloads all rows of a list. The collector names the file.
 *
 * @param listQuery the result of `buildListQuery`.
 */
export function buildExportPath(listQuery: URLSearchParams, format: ExportFormat): string {
  const query = new URLSearchParams(listQuery)
  query.set('format', format)
  query.set('download', 'true')
  query.set('timeZone', getTimeZone())
  return `v1/lapses?${query}`
}
