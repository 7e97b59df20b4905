import type { SiteStatus } from '../api/types.ts'
import { formatAge } from '../format/age.ts'
import { formatDateTime, formatTimeOfDay } from '../format/dateTime.ts'
import { formatCount, formatDuration } from '../format/numbers.ts'
import type { Route } from '../state/route.ts'

interface Props {
  readonly status: SiteStatus
  readonly route: Route
  /** The current time in epoch milliseconds. */
  readonly now: number
}

/** Shows whether a site is still reporting. It is also a link that filters by the site. */
export function SiteCard({ status, route, now }: Props) {
  const { site, liveSessions, silent, lastSelftestAt } = status
  const isSelected = route.get('site') === site
  return (
    <a
      {...route.buildLinkProps({ site: isSelected ? null : site, cursor: null })}
      class={`site-card ${silent ? 'silent' : ''}`}
      aria-current={isSelected}
      title={describeStatus(status)}
    >
      <span class="site-line">
        <b class="site-name">{site}</b>
        {lastSelftestAt !== null && <span class="muted">tested {formatAge(lastSelftestAt, now)}</span>}
      </span>
      <span class="site-line">
        <LastRow status={status} now={now} />
        <span class="muted">{formatCount(liveSessions)} live</span>
      </span>
      <Today today={status.today} />
    </a>
  )
}

function LastRow({ status: { silent, lastRowAt }, now }: Pick<Props, 'status' | 'now'>) {
  if (silent)
    return (
      <span class="silence">
        <span aria-hidden="true">▲</span> Silent for {formatDuration(now - Date.parse(silent.since), 1)}
      </span>
    )
  return <span>{lastRowAt === null ? 'No row yet' : `Last row ${formatAge(lastRowAt, now)}`}</span>
}

function Today({ today: { count, usual } }: { readonly today: SiteStatus['today'] }) {
  return (
    <span class="muted">
      <b>{formatCount(count)}</b> today{usual !== null && `, usually ${formatCount(usual)}`}
    </span>
  )
}

function describeStatus({ lastRowAt, lastActivityAt, silent, today, lastSelftestAt }: SiteStatus): string {
  const describe = (name: string, time: string | null) =>
    `${name}: ${time === null ? 'never' : formatDateTime(time)}`
  return [
    describe('Last row', lastRowAt),
    describe('Last activity', lastActivityAt),
    ...(silent
      ? [`Silent for longer than ${formatDuration(silent.limitSeconds * 1000)}, which is unusual`]
      : []),
    today.usual === null
      ? 'No history to compare today with'
      : `By ${formatTimeOfDay(today.until)}, the same weekday usually had ${formatCount(today.usual)} (median of four weeks)`,
    describe('Last self-test', lastSelftestAt),
  ].join('\n')
}
