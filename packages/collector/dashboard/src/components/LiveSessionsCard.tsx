import { useMemo, useState } from 'preact/hooks'
import type { Term } from '../../../src/reading/search/parseSearch.ts'
import type { LiveSession, LiveSessionCounts, LiveSessionPage } from '../api/types.ts'
import { useQuery } from '../api/useQuery.ts'
import { formatTimeOfDay, getTimeZone } from '../format/dateTime.ts'
import { formatCount } from '../format/numbers.ts'
import type { Route } from '../state/route.ts'
import { readSearch } from '../state/searchTerms.ts'
import { EmptyState } from './EmptyState.tsx'
import { ErrorNotice } from './ErrorNotice.tsx'
import { LiveSessionTable } from './LiveSessionTable.tsx'

interface Props {
  readonly route: Route
  readonly isPolling: boolean
  readonly pollCount: number
  /** Increases when the user tries again after an error. */
  readonly attempt: number
  readonly retry: () => void
  readonly onSignedOut: () => void
  /** An error that the page shows elsewhere. */
  readonly shownError: string | undefined
}

const pageSize = 100
const maxPageSize = 1000
/** The collector does not count the sessions more often than it sweeps. A long list is also requested less often. */
const pollsPerCount = 3

/** Is closed at first, because the list costs a request with every poll. */
export function LiveSessionsCard(props: Props) {
  const { route } = props
  const isOpen = route.get('live') === '1'
  return (
    <section class="card live-sessions" aria-labelledby="live-sessions-title">
      <div class="card-header">
        <h2 id="live-sessions-title">
          <button
            type="button"
            class="disclosure"
            aria-expanded={isOpen}
            onClick={() => route.navigate({ live: isOpen ? null : '1' }, 'replace')}
          >
            Live sessions now
          </button>
        </h2>
      </div>
      {isOpen && <LiveSessions {...props} />}
    </section>
  )
}

/** Lists the sessions that are live now, and counts them by site. */
function LiveSessions({ route, isPolling, pollCount, attempt, retry, onSignedOut, shownError }: Props) {
  const [limit, setLimit] = useState(pageSize)
  const { parameters, ignoredKeys } = readLiveFilters(route)
  const query = new URLSearchParams({ limit: String(limit), ...parameters })
  const path = `v1/sessions?${query}`
  const slowPollCount = Math.floor(pollCount / pollsPerCount)
  const userRequest = `${path} ${attempt}`
  const { data, error, isLoading } = useQuery<LiveSessionPage>(
    path,
    { userRequest, pollCount: limit === pageSize ? pollCount : slowPollCount },
    onSignedOut,
  )
  const { data: counted } = useQuery<LiveSessionCounts>(
    'dashboard/live-sessions',
    { userRequest: String(attempt), pollCount: slowPollCount },
    onSignedOut,
  )
  const updatedAt = useMemo(() => new Date().toISOString(), [data])

  return (
    <div aria-busy={isLoading}>
      <p class="muted">
        {ignoredKeys.length > 0 && `not filtered by ${ignoredKeys.join(', ')}; `}
        {!isPolling && data && `as of ${formatTimeOfDay(updatedAt)}, `}times in {getTimeZone()}
      </p>
      {error && error.message !== shownError && <ErrorNotice error={error} retry={retry} />}
      {!data && !error && <EmptyState isLoading={isLoading} />}
      {data && data.sessions.length === 0 && <NoSessions isFiltered={Object.keys(parameters).length > 0} />}
      {data && data.sessions.length > 0 && (
        <>
          <SiteCounts
            page={data}
            counted={counted?.counts}
            route={route}
            isFilteredBySubject={parameters.subject !== undefined}
          />
          <LiveSessionTable sessions={data.sessions} isComplete={data.next === null} route={route} />
          {data.next !== null && (
            <p class="muted list-end">
              These are the first {formatCount(data.sessions.length)} sessions, by site and session.
              {limit < maxPageSize ? (
                <button type="button" onClick={() => setLimit(maxPageSize)}>
                  Show more
                </button>
              ) : (
                ' To find others, filter by subject.'
              )}
            </p>
          )}
        </>
      )}
    </div>
  )
}

/** Live sessions can be filtered by site and by one subject. */
function readLiveFilters(route: Route) {
  const site = route.get('site')
  const terms = readSearch(route.get('search'))?.terms ?? []
  const isSubject = ({ key, values, isExcluded }: Term) =>
    key === 'user' && !isExcluded && values.length === 1 && values[0]?.isPrefix === false
  const subject = terms.find(isSubject)?.values[0]?.text
  return {
    parameters: { ...(site && { site }), ...(subject && { subject }) },
    ignoredKeys: [...new Set(terms.filter((term) => !isSubject(term)).map(({ key }) => key))],
  }
}

function NoSessions({ isFiltered }: { readonly isFiltered: boolean }) {
  if (isFiltered) return <p class="empty-state">No live sessions match the filters.</p>
  return (
    <div class="empty-state">
      <p>No live sessions.</p>
      <p class="muted">
        Sessions are listed here if their use is reported. To turn this on, set{' '}
        <code>data-heartbeat-seconds</code> on the script tag, or <code>heartbeatSeconds</code> in{' '}
        <code>createLapse</code>. See <code>docs/guides/live-sessions.md</code>.
      </p>
    </div>
  )
}

interface CountsProps {
  readonly page: LiveSessionPage
  /** How many sessions each site had when they were last counted, unless this is not known yet. */
  readonly counted: LiveSessionCounts['counts'] | undefined
  readonly route: Route
  readonly isFilteredBySubject: boolean
}

/** Shows how many sessions each site has. Each site is also a link that filters by it. */
function SiteCounts({ page, counted, route, isFilteredBySubject }: CountsProps) {
  const isComplete = page.next === null
  const site = route.get('site')
  // The collector's counts are those of all subjects.
  const known = isComplete ? countBySite(page.sessions) : isFilteredBySubject ? undefined : counted
  const counts = Object.entries(known ?? {}).filter(([name, count]) => count > 0 && (!site || name === site))
  const total = counts.reduce((sum, [, count]) => sum + count, 0)
  // New sessions may have been added since the collector counted.
  const isKnown = total >= page.sessions.length
  return (
    <>
      <p class="headline">
        {!isKnown && 'More than '}
        {isKnown && !isComplete && 'About '}
        <strong>{formatCount(isKnown ? total : page.sessions.length)}</strong>{' '}
        {total === 1 ? 'session' : 'sessions'}
      </p>
      {isKnown && (
        <ul class="legend">
          {counts.map(([name, count]) => (
            <li key={name}>
              <a
                {...route.buildLinkProps({ site: site === name ? null : name, cursor: null })}
                aria-current={site === name}
              >
                {name} <b>{formatCount(count)}</b>
              </a>
            </li>
          ))}
        </ul>
      )}
    </>
  )
}

function countBySite(sessions: readonly LiveSession[]): Record<string, number> {
  const counts: Record<string, number> = Object.create(null)
  for (const { site } of sessions) counts[site] = (counts[site] ?? 0) + 1
  return counts
}
