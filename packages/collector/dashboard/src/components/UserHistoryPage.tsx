import { useEffect, useState } from 'preact/hooks'
import { escapeUnsafe } from '../../../src/domain/text/plainText.ts'
import type { HistorySession, SubjectHistory } from '../api/types.ts'
import { useQuery } from '../api/useQuery.ts'
import { formatDateTime, formatUtc } from '../format/dateTime.ts'
import { evidenceLabels, reasonLabels } from '../format/labels.ts'
import { formatDuration } from '../format/numbers.ts'
import type { Route } from '../state/route.ts'
import { EmptyState } from './EmptyState.tsx'
import { ErrorNotice } from './ErrorNotice.tsx'

interface Props {
  readonly subject: string
  /** Empty for the first page. */
  readonly cursor: string
  readonly route: Route
  readonly setLoading: (isLoading: boolean) => void
  /** Shows the page after this one. Null if it is shown already. */
  readonly showNext: ((next: string) => void) | null
  readonly onSignedOut: () => void
}

const pageSize = '50'

export function UserHistoryPage({ subject, cursor, route, setLoading, showNext, onSignedOut }: Props) {
  const [attempt, setAttempt] = useState(0)
  const query = new URLSearchParams({ subject, limit: pageSize })
  if (cursor) query.set('cursor', cursor)
  const path = `v1/history?${query}`
  const triggers = { userRequest: `${path} ${attempt}`, pollCount: 0 }
  const { data, error, isLoading } = useQuery<SubjectHistory>(path, triggers, onSignedOut)
  useEffect(() => setLoading(isLoading), [isLoading])
  if (error) return <ErrorNotice error={error} retry={() => setAttempt((last) => last + 1)} />
  if (!data) return <EmptyState isLoading={isLoading} />
  if (data.sessions.length === 0 && !cursor)
    return <p class="empty-state">No session of this user has been recorded.</p>
  const { next } = data
  return (
    <>
      <ol class="history">
        {data.sessions.map((session) => (
          <HistoryItem
            key={JSON.stringify([session.site, session.session, session.marker, session.id])}
            session={session}
            route={route}
          />
        ))}
      </ol>
      {next !== null && showNext && (
        <button type="button" onClick={() => showNext(next)}>
          Show older sessions
        </button>
      )}
    </>
  )
}

interface ItemProps {
  readonly session: HistorySession
  readonly route: Route
}

function HistoryItem({ session, route }: ItemProps) {
  const { site, startedAt, lastAccessAt, endedAt, durationMs, device, evidence } = session
  const isLive = endedAt === null
  return (
    <li>
      <p class="history-title">
        <HistoryReason session={session} route={route} />
        <span class="history-duration">{durationMs !== null && formatDuration(durationMs)}</span>
      </p>
      <p>
        {startedAt === null ? 'Start unknown' : <Time time={startedAt} />} –{' '}
        {isLive ? 'now' : <Time time={endedAt} />}
        {isLive && lastAccessAt !== null && (
          <span class="muted">
            {' '}
            (last access <Time time={lastAccessAt} />)
          </span>
        )}
      </p>
      <p class="muted">
        {[escapeUnsafe(site), device ?? 'unknown device', evidenceLabels[evidence].toLowerCase()].join(' · ')}
      </p>
    </li>
  )
}

function HistoryReason({ session: { id, reason }, route }: ItemProps) {
  if (reason === null) return <span class="badge live-badge">Live</span>
  const label = (
    <>
      <span class={`dot ${reason}`} />
      {reasonLabels[reason]}
    </>
  )
  return id === null ? label : <a {...route.buildLinkProps({ row: String(id) }, 'detail')}>{label}</a>
}

function Time({ time }: { readonly time: string }) {
  return (
    <time dateTime={time} title={formatUtc(time)}>
      {formatDateTime(time)}
    </time>
  )
}
