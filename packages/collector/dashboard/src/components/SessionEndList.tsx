import type { TargetedMouseEvent } from 'preact'
import type { SessionEnd, SessionEndPage } from '../api/types.ts'
import type { QueryState } from '../api/useQuery.ts'
import { formatDateTime, formatUtc, getTimeZone } from '../format/dateTime.ts'
import { calculateIdleMs, calculatePastLimitMs } from '../format/explainVerdict.ts'
import { evidenceLabels, reasonLabels } from '../format/labels.ts'
import { formatDuration } from '../format/numbers.ts'
import { isPlainClick, type Route } from '../state/route.ts'
import { EmptyState } from './EmptyState.tsx'
import { ErrorNotice } from './ErrorNotice.tsx'
import { Pagination } from './Pagination.tsx'
import { SessionEndBadges } from './SessionEndBadges.tsx'

interface Props {
  readonly page: QueryState<SessionEndPage>
  readonly route: Route
  /** The parameters that select the session ends of all pages. */
  readonly query: URLSearchParams
  readonly retry: () => void
}

/** Lists one page of session ends, with links to export all of them. */
export function SessionEndList({ page: { data, error, isLoading }, route, query, retry }: Props) {
  const buildExportHref = (format: string) => {
    const exportQuery = new URLSearchParams(query)
    exportQuery.set('format', format)
    return `v1/lapses?${exportQuery}`
  }

  return (
    <section class="card session-end-list" aria-labelledby="session-end-list-title" aria-busy={isLoading}>
      <div class="card-header">
        <h2 id="session-end-list-title">Ended sessions</h2>
        <p class="muted">newest first, times in {getTimeZone()}</p>
        <span class="export-links">
          <a href={buildExportHref('csv')} download="lapses.csv">
            Export CSV
          </a>
          <a href={buildExportHref('ndjson')} download="lapses.ndjson">
            Export NDJSON
          </a>
        </span>
      </div>
      {error && <ErrorNotice error={error} retry={retry} />}
      {!data && !error && <EmptyState isLoading={isLoading} />}
      {data && data.lapses.length === 0 && (
        <p class="empty-state">
          No ended sessions match. <a href={route.buildHref({})}>Refresh the page</a> or change the filters.
        </p>
      )}
      {data && data.lapses.length > 0 && <SessionEndTable sessionEnds={data.lapses} route={route} />}
      <Pagination next={data?.next ?? null} route={route} titleId="session-end-list-title" />
    </section>
  )
}

interface TableProps {
  readonly sessionEnds: readonly SessionEnd[]
  readonly route: Route
}

function SessionEndTable({ sessionEnds, route }: TableProps) {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">Detected</th>
          <th scope="col">Reason</th>
          <th scope="col">Subject</th>
          <th scope="col" class="wide-screens-only">
            Session
          </th>
          <th scope="col" class="not-on-phones">
            Site
          </th>
          <th scope="col" class="number not-on-phones">
            Idle for
          </th>
          <th scope="col" class="number wide-screens-only">
            Past the limit
          </th>
          <th scope="col" class="not-on-phones">
            Evidence
          </th>
        </tr>
      </thead>
      <tbody>
        {sessionEnds.map((sessionEnd) => (
          <SessionEndRow key={sessionEnd.id} sessionEnd={sessionEnd} route={route} />
        ))}
      </tbody>
    </table>
  )
}

function SessionEndRow({ sessionEnd, route }: { readonly sessionEnd: SessionEnd; readonly route: Route }) {
  const { id, reason, site, subject, session, marker, detectedAt, evidence } = sessionEnd
  const idleMs = calculateIdleMs(sessionEnd)
  const pastLimitMs = calculatePastLimitMs(sessionEnd)
  const link = route.buildLinkProps({ row: String(id) }, 'detail')
  const openDetail = (event: TargetedMouseEvent<HTMLTableRowElement>) => {
    // The link has handled its own click already, and selecting text also ends with a click.
    if (event.defaultPrevented || !isPlainClick(event) || getSelection()?.type === 'Range') return
    // A dialog returns the focus to the element that had it before.
    event.currentTarget.querySelector('a')?.focus()
    link.onClick(event)
  }
  return (
    // The whole row can be clicked. The keyboard uses the link in it.
    <tr onClick={openDetail} class={route.get('row') === String(id) ? 'selected' : undefined}>
      <td>
        <a {...link}>
          <time dateTime={detectedAt} title={formatUtc(detectedAt)}>
            {formatDateTime(detectedAt)}
          </time>
        </a>
      </td>
      <td class="reason">
        <span class={`dot ${reason}`} />
        {reasonLabels[reason]}
        <SessionEndBadges sessionEnd={sessionEnd} />
      </td>
      <td class="identifier">{subject ?? '–'}</td>
      <td class="identifier wide-screens-only">{session ?? marker ?? '–'}</td>
      <td class="site not-on-phones" title={site}>
        {site}
      </td>
      <td class="number not-on-phones">{idleMs === null ? '–' : formatDuration(idleMs)}</td>
      <td class="number wide-screens-only">{pastLimitMs === null ? '–' : formatDuration(pastLimitMs)}</td>
      <td class="evidence not-on-phones">{evidenceLabels[evidence]}</td>
    </tr>
  )
}
