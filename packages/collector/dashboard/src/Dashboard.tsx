import { useEffect, useMemo, useState } from 'preact/hooks'
import { buildListQuery, buildSummaryQuery } from './api/buildQuery.ts'
import type { DashboardSession, SessionEndPage, Summary } from './api/types.ts'
import { type QueryState, useQuery } from './api/useQuery.ts'
import { EndedSessionsCard } from './charts/EndedSessionsCard.tsx'
import { ErrorNotice } from './components/ErrorNotice.tsx'
import { FilterForm } from './components/FilterForm.tsx'
import { Header } from './components/Header.tsx'
import { LiveSessionsCard } from './components/LiveSessionsCard.tsx'
import { SessionEndDialog } from './components/SessionEndDialog.tsx'
import { SessionEndList } from './components/SessionEndList.tsx'
import { UserHistoryDialog } from './components/UserHistoryDialog.tsx'
import { InsightTabs } from './insights/InsightTabs.tsx'
import { useRoute } from './state/route.ts'
import { formatSort, parseSort } from './state/sort.ts'

interface Props {
  readonly session: DashboardSession
  readonly signOut: () => void
  readonly onSignedOut: () => void
}

const pageSize = 50
const pollIntervalMs = 5000
/** A summary costs the collector more than a page of rows does. */
const pollsPerSummary = 3

const readCurrentMinute = () => Math.floor(Date.now() / 60_000)

export function Dashboard({ session, signOut, onSignedOut }: Props) {
  const route = useRoute()
  const [isLive, setLive] = useState(true)
  const [pollCount, setPollCount] = useState(0)
  const [minute, setMinute] = useState(readCurrentMinute)
  const [attempt, setAttempt] = useState(0)
  const cursor = route.get('cursor')
  const sort = formatSort(parseSort(route.get('sort')))

  // New rows appear only on the first page, so a later page and its time range stay as they are.
  const isPolling = isLive && !cursor
  useEffect(() => {
    if (!isPolling) return
    const timer = setInterval(() => {
      if (document.hidden) return
      setPollCount((last) => last + 1)
      setMinute(readCurrentMinute())
    }, pollIntervalMs)
    return () => clearInterval(timer)
  }, [isPolling])

  const userRequest = `${buildListQuery(route, 0)} ${route.timeRange} ${attempt}`
  const { query, now } = useMemo(() => {
    const now = Date.now()
    return { now, query: buildListQuery(route, now) }
  }, [userRequest, minute])

  const pageQuery = new URLSearchParams(query)
  pageQuery.set('limit', String(pageSize))
  if (cursor) pageQuery.set('cursor', cursor)
  if (sort) pageQuery.set('sort', sort)
  const page = useQuery<SessionEndPage>(
    `v1/lapses?${pageQuery}`,
    { userRequest: `${userRequest} ${cursor} ${sort}`, pollCount },
    onSignedOut,
  )
  const summaryQuery = buildSummaryQuery(query, now, route)
  const summaryTriggers = { userRequest, pollCount: Math.floor(pollCount / pollsPerSummary) }
  const summary = useQuery<Summary>(`v1/summary?${summaryQuery}`, summaryTriggers, onSignedOut)
  const retry = () => setAttempt((last) => last + 1)
  // An error that both requests have is shown once, above the cards.
  const sharedError = summary.error && page.error?.message === summary.error.message ? page.error : undefined
  const hideSharedError = <Data,>(state: QueryState<Data>) =>
    sharedError ? { ...state, error: undefined } : state

  return (
    <>
      <Header
        session={session}
        signOut={signOut}
        isLive={isLive}
        setLive={setLive}
        isCollectorUnavailable={page.error?.isRetryable ?? false}
      />
      <main class="dashboard">
        <h1 class="visually-hidden">Lapse dashboard</h1>
        <FilterForm route={route} sites={session.sites} />
        {sharedError && <ErrorNotice error={sharedError} retry={retry} />}
        <div class="overview">
          <EndedSessionsCard summary={hideSharedError(summary)} route={route} retry={retry} />
          <InsightTabs
            summary={summary}
            route={route}
            query={{ parameters: summaryQuery, ...summaryTriggers, onSignedOut }}
          />
        </div>
        <LiveSessionsCard
          route={route}
          isPolling={isPolling}
          pollCount={pollCount}
          attempt={attempt}
          retry={retry}
          onSignedOut={onSignedOut}
          shownError={page.error?.message}
        />
        <SessionEndList
          page={hideSharedError(page)}
          route={route}
          query={query}
          userRequest={userRequest}
          retry={retry}
          onSignedOut={onSignedOut}
        />
      </main>
      {route.get('user') && (
        <UserHistoryDialog
          key={route.get('user')}
          subject={route.get('user')}
          route={route}
          onSignedOut={onSignedOut}
        />
      )}
      {route.get('row') && <SessionEndDialog id={route.get('row')} route={route} onSignedOut={onSignedOut} />}
    </>
  )
}
