import type { SessionEndPage } from '../api/types.ts'
import { formatAge } from '../format/age.ts'
import { formatDateTime, formatUtc } from '../format/dateTime.ts'
import { clearedFilters, type Route } from '../state/route.ts'
import { useClock } from '../state/useClock.ts'

interface Props {
  readonly emptyBecause: SessionEndPage['emptyBecause']
  readonly route: Route
}

const dayMs = 86_400_000
const ageIntervalMs = 60_000

/** Says which filters a list without rows has, and when the last row came, so that a typo does not look like proof. */
export function EmptyList({ emptyBecause, route }: Props) {
  const isFiltered = Object.keys(clearedFilters).some((name) =>
    route.get(name as keyof typeof clearedFilters),
  )
  return (
    <div class="empty-state">
      <p>
        No ended sessions match
        {emptyBecause?.filters ? (
          <>
            {' '}
            the filters <code>{emptyBecause.filters}</code>
          </>
        ) : (
          ' this period'
        )}
        .
      </p>
      {emptyBecause && <LastRow lastRowAt={emptyBecause.lastRowAt} route={route} />}
      {isFiltered && (
        <p>
          <a {...route.buildLinkProps({ ...clearedFilters, cursor: null })}>Clear all filters</a>
        </p>
      )}
    </div>
  )
}

function LastRow({ lastRowAt, route }: { readonly lastRowAt: string | null; readonly route: Route }) {
  const now = useClock(ageIntervalMs)
  const site = route.get('site')
  const subject = site ? `of ${site}` : 'of any site'
  if (lastRowAt === null) return <p>No ended session {subject} has ever been recorded.</p>
  const at = Date.parse(lastRowAt)
  const from = new Date(at - dayMs / 2).toISOString()
  const to = new Date(at + dayMs / 2).toISOString()
  return (
    <p>
      The last ended session {subject} was detected{' '}
      <time dateTime={lastRowAt} title={formatUtc(lastRowAt)}>
        {formatAge(lastRowAt, now)}, on {formatDateTime(lastRowAt)}
      </time>
      . <a {...route.buildLinkProps({ range: null, search: null, from, to, cursor: null })}>Show that day</a>
    </p>
  )
}
