import { useRef } from 'preact/hooks'
import { buildExportPath } from '../api/buildQuery.ts'
import type { SessionEndPage } from '../api/types.ts'
import { type QueryState, useQuery } from '../api/useQuery.ts'
import { getTimeZone } from '../format/dateTime.ts'
import { formatCount } from '../format/numbers.ts'
import type { Route } from '../state/route.ts'
import { describeSort, parseSort } from '../state/sort.ts'
import { EmptyList } from './EmptyList.tsx'
import { EmptyState } from './EmptyState.tsx'
import { ErrorNotice } from './ErrorNotice.tsx'
import { Pagination } from './Pagination.tsx'
import { SessionEndTable } from './SessionEndTable.tsx'

interface Props {
  readonly page: QueryState<SessionEndPage>
  readonly route: Route
  /** The parameters that select the session ends of all pages. */
  readonly query: URLSearchParams
  /** Identifies what the user asked for. The session ends are counted again when it changes, and every minute. */
  readonly userRequest: string
  /** Increases with every poll of the summary. */
  readonly pollCount: number
  readonly retry: () => void
  readonly onSignedOut: () => void
}

const titleId = 'session-end-list-title'

/** Lists one page of session ends, with links to export all of them. */
export function SessionEndList({
  page: { data, error, isLoading },
  route,
  query,
  userRequest,
  pollCount,
  retry,
  onSignedOut,
}: Props) {
  const total = useTotal(query, userRequest, pollCount, onSignedOut)
  const isCounted = total !== null && data && data.lapses.length > 0
  return (
    <section class="card session-end-list" aria-labelledby={titleId} aria-busy={isLoading}>
      <div class="card-header">
        <h2 id={titleId}>Ended sessions</h2>
        {isCounted && (
          <p class="row-count">
            <b>{formatCount(total)}</b> {total === 1 ? 'row' : 'rows'}
          </p>
        )}
        <p class="muted">
          {describeSort(parseSort(route.get('sort')))}, times in {getTimeZone()}
        </p>
        <span class="export-links">
          <a href={buildExportPath(query, 'csv')} download>
            Export CSV
          </a>
          <a href={buildExportPath(query, 'ndjson')} download>
            Export NDJSON
          </a>
        </span>
      </div>
      {error && <ErrorNotice error={error} retry={retry} />}
      {!data && !error && <EmptyState isLoading={isLoading} />}
      {data && data.lapses.length === 0 && <EmptyList emptyBecause={data.emptyBecause} route={route} />}
      {data && data.lapses.length > 0 && (
        <SessionEndTable sessionEnds={data.lapses} route={route} titleId={titleId} />
      )}
      <Pagination next={data?.next ?? null} route={route} titleId={titleId} />
    </section>
  )
}

/**
 * Counts the session ends of all pages. Null until they are counted. If that took the collector too long, perhaps because
 * it was busy, each poll tries again.
 */
function useTotal(
  query: URLSearchParams,
  userRequest: string,
  pollCount: number,
  onSignedOut: () => void,
): number | null {
  const countQuery = new URLSearchParams(query)
  countQuery.set('count', 'true')
  countQuery.set('limit', '1')
  const lastTry = useRef(pollCount)
  const triggers = { userRequest: `count ${userRequest}`, pollCount: lastTry.current }
  const { data } = useQuery<SessionEndPage>(`v1/lapses?${countQuery}`, triggers, onSignedOut)
  if (data?.total === null) lastTry.current = pollCount
  return data?.total ?? null
}
