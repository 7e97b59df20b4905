import { useMemo, useState } from 'preact/hooks'
import { buildListQuery, buildSummaryQuery } from './api/buildQuery.ts'
import type { ApiError } from './api/fetchJson.ts'
import type { AlarmList, DashboardSession, SessionEndPage, SiteStatusList, Summary } from './api/types.ts'
import { type QueryState, useQuery } from './api/useQuery.ts'
import { TopBar } from './bar/TopBar.tsx'
import { ViewToggles } from './bar/ViewToggles.tsx'
import { EndedSessionsCard } from './charts/EndedSessionsCard.tsx'
import { ErrorNotice } from './components/ErrorNotice.tsx'
import { Figures } from './components/Figures.tsx'
import { LiveSessionsCard } from './components/LiveSessionsCard.tsx'
import { PrintHeader } from './components/PrintHeader.tsx'
import { SessionEndDialog } from './components/SessionEndDialog.tsx'
import { SessionEndList } from './components/SessionEndList.tsx'
import { UserHistoryDialog } from './components/UserHistoryDialog.tsx'
import { getTimeZone } from './format/dateTime.ts'
import { InsightTabs } from './insights/InsightTabs.tsx'
import { listKnownValues } from './search/listKnownValues.ts'
import { SearchField } from './search/SearchField.tsx'
import { SiteStrip } from './sites/SiteStrip.tsx'
import { useRoute } from './state/route.ts'
import { formatSort, parseSort } from './state/sort.ts'
import { phoneQuery, useMediaQuery } from './state/useMediaQuery.ts'
import { usePolling } from './state/usePolling.ts'

interface Props {
  readonly session: DashboardSession
  readonly signOut: () => void
  readonly onSignedOut: () => void
}

const pageSize = 50
/** A summary costs the collector more than a page of rows does. */
const pollsPerSummary = 3
/** The state of the sites changes slowly. */
const pollsPerStatus = 6

export function Dashboard({ session, signOut, onSignedOut }: Props) {
  const route = useRoute()
  const [isLive, setLive] = useState(true)
  const [attempt, setAttempt] = useState(0)
  const isPhone = useMediaQuery(phoneQuery)
  const cursor = route.get('cursor')
  const sort = formatSort(parseSort(route.get('sort')))
  // New rows appear only on the first page, so a later page and its time range stay as they are.
  const isPolling = isLive && !cursor
  const { pollCount, minute } = usePolling(isPolling)

  const userRequest = `${buildListQuery(route, 0)} ${route.timeRange} ${attempt}`
  const { query, now } = useMemo(() => {
    const now = Date.now()
    return { now, query: buildListQuery(route, now) }
  }, [userRequest, route.zone, minute])

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
  const summaryTriggers = {
    userRequest: `${userRequest} ${route.zone} ${route.isComparing}`,
    pollCount: Math.floor(pollCount / pollsPerSummary),
  }
  const summary = useQuery<Summary>(`v1/summary?${summaryQuery}`, summaryTriggers, onSignedOut)
  const statusTriggers = {
    userRequest: `${route.zone} ${attempt}`,
    pollCount: Math.floor(pollCount / pollsPerStatus),
  }
  const sitesPath = `v1/sites?${new URLSearchParams({ timeZone: getTimeZone() })}`
  const status = useQuery<SiteStatusList>(sitesPath, statusTriggers, onSignedOut)
  const alarms = useQuery<AlarmList>('v1/alarms', statusTriggers, onSignedOut)

  const retry = () => setAttempt((last) => last + 1)
  const { searchError, sharedError } = sortErrors(page.error, summary.error)
  const hideShownErrors = <Data,>(state: QueryState<Data>) =>
    searchError || sharedError ? { ...state, error: undefined } : state
  const knownValues = useMemo(() => listKnownValues(page.data, session.sites), [page.data, session.sites])

  const overview = (
    <>
      <Figures key="figures" summary={summary} route={route} />
      <div key="overview" class="overview">
        <EndedSessionsCard summary={hideShownErrors(summary)} route={route} retry={retry} />
        <InsightTabs
          summary={summary}
          route={route}
          query={{ parameters: summaryQuery, ...summaryTriggers, onSignedOut }}
        />
      </div>
    </>
  )
  const searchLine = (
    <div class="bar-line search-line">
      <SearchField route={route} knownValues={knownValues} serverError={searchError} />
      <ViewToggles
        route={route}
        isLive={isLive}
        setLive={setLive}
        isCollectorUnavailable={page.error?.isRetryable ?? false}
      />
    </div>
  )

  return (
    <>
      <TopBar session={session} route={route} signOut={signOut} alarms={alarms.data}>
        {!isPhone && searchLine}
      </TopBar>
      <main class="dashboard">
        <h1 class="visually-hidden">Lapse dashboard</h1>
        <PrintHeader session={session} route={route} page={page.data} summary={summary.data} now={now} />
        <SiteStrip status={status} sites={session.sites} route={route} retry={retry} />
        {isPhone && searchLine}
        {sharedError && <ErrorNotice error={sharedError} retry={retry} />}
        {!isPhone && overview}
        <SessionEndList
          page={hideShownErrors(page)}
          route={route}
          query={query}
          userRequest={userRequest}
          retry={retry}
          onSignedOut={onSignedOut}
        />
        {isPhone && overview}
        <LiveSessionsCard
          route={route}
          isPolling={isPolling}
          pollCount={pollCount}
          attempt={attempt}
          retry={retry}
          onSignedOut={onSignedOut}
          shownError={page.error?.message}
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

/** An error of the search is shown beside its field, and an error that both requests have is shown once, above the cards. */
function sortErrors(pageError: ApiError | undefined, summaryError: ApiError | undefined) {
  const invalidParameters = (pageError ?? summaryError)?.invalidParameters ?? []
  const searchError = invalidParameters.find(({ parameter }) => parameter === 'search')?.detail
  const isOnlySearch = searchError !== undefined && invalidParameters.length === 1
  const sharedError = pageError?.message === summaryError?.message && !isOnlySearch ? pageError : undefined
  return { searchError, sharedError }
}
