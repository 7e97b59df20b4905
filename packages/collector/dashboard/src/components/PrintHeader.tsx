import { useMemo } from 'preact/hooks'
import { readCollectorTime } from '../api/collectorClock.ts'
import type { DashboardSession, SessionEndPage, Summary } from '../api/types.ts'
import { formatDateTime, getTimeZone } from '../format/dateTime.ts'
import { formatCount } from '../format/numbers.ts'
import { formatPeriod } from '../format/period.ts'
import { readPeriod } from '../state/period.ts'
import type { Route } from '../state/route.ts'
import { timeRanges } from '../state/timeRanges.ts'

interface Props {
  readonly session: DashboardSession
  readonly route: Route
  readonly page: SessionEndPage | undefined
  readonly summary: Summary | undefined
  /** The end of the time range, in epoch milliseconds. */
  readonly now: number
}

/** Says what a printed page shows. It is visible on paper only. */
export function PrintHeader({ session: { token }, route, page, summary, now }: Props) {
  const generatedAt = useMemo(() => new Date(readCollectorTime()).toISOString(), [page])
  const facts = {
    Site: route.get('site') || 'All sites',
    Range: describeRange(route, now),
    Filters: route.get('search') || 'None',
    Rows: describeRows(page, summary, route.get('cursor') !== ''),
    Generated: `${formatDateTime(generatedAt)} (${getTimeZone()})`,
    By: `token ${token.id}${token.name === null ? '' : ` (${token.name})`}`,
  }
  return (
    <header class="print-header">
      <p class="print-title">Ended sessions, recorded by Lapse</p>
      <dl>
        {Object.entries(facts).map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    </header>
  )
}

function describeRange(route: Route, now: number): string {
  const { from, to } = readPeriod(route, now)
  const period = `${formatPeriod(from, to ?? now, route.zone)} (${getTimeZone()})`
  return route.timeRange === 'custom' ? period : `${timeRanges[route.timeRange].label}: ${period}`
}

function describeRows(
  page: SessionEndPage | undefined,
  summary: Summary | undefined,
  isLaterPage: boolean,
): string {
  if (!page) return 'None'
  const shown = page.lapses.length
  if (!isLaterPage && page.next === null) return `${formatCount(shown)}, all of them`
  if (!summary) return `${formatCount(shown)} of more`
  return `${formatCount(shown)} of ${formatCount(summary.totals.ended)}. Export the list to get all rows.`
}
