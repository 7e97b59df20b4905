import { useMemo, useState } from 'preact/hooks'
import type { DashboardSession } from './api/types.ts'
import type { QueryState } from './api/useQuery.ts'
import { TopBar } from './bar/TopBar.tsx'
import { ViewToggles } from './bar/ViewToggles.tsx'
import { EndedSessionsCard } from './charts/EndedSessionsCard.tsx'
import { Dialogs } from './components/Dialogs.tsx'
import { ErrorNotice } from './components/ErrorNotice.tsx'
import { Figures } from './components/Figures.tsx'
import { LiveSessionsCard } from './components/LiveSessionsCard.tsx'
import { PrintHeader } from './components/PrintHeader.tsx'
import { SessionEndList } from './components/SessionEndList.tsx'
import { InsightTabs } from './insights/InsightTabs.tsx'
import { listKnownValues } from './search/listKnownValues.ts'
import { SearchField } from './search/SearchField.tsx'
import { SiteStrip } from './sites/SiteStrip.tsx'
import { useRoute } from './state/route.ts'
import { sortErrors } from './state/sortErrors.ts'
import { useDashboardData } from './state/useDashboardData.ts'
import { phoneQuery, useMediaQuery } from './state/useMediaQuery.ts'
import { usePolling } from './state/usePolling.ts'

interface Props {
  readonly session: DashboardSession
  readonly signOut: () => void
  readonly onSignedOut: () => void
}

export function Dashboard({ session, signOut, onSignedOut }: Props) {
  const route = useRoute()
  const [isLive, setLive] = useState(true)
  const [attempt, setAttempt] = useState(0)
  const retry = () => setAttempt((last) => last + 1)
  // New rows appear only on the first page, so a later page and its time range stay as they are.
  const isPolling = isLive && !route.get('cursor')
  const polling = usePolling(isPolling)
  const { userRequest, query, now, page, summaryRequest, summary, status, alarms } = useDashboardData(
    route,
    { ...polling, attempt },
    onSignedOut,
  )
  const isPhone = useMediaQuery(phoneQuery)
  const knownValues = useMemo(() => listKnownValues(page.data, session.sites), [page.data, session.sites])
  const { searchError, sharedError } = sortErrors(page.error, summary.error)
  const hideShownErrors = <Data,>(state: QueryState<Data>) =>
    searchError || sharedError ? { ...state, error: undefined } : state
  const common = { route, retry, onSignedOut }

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
  const overview = (
    <>
      <Figures summary={summary} route={route} />
      <div class="overview">
        <EndedSessionsCard summary={hideShownErrors(summary)} {...common} />
        <InsightTabs
          summary={hideShownErrors(summary)}
          route={route}
          query={{ ...summaryRequest, shownError: summary.error?.message }}
        />
      </div>
    </>
  )
  return (
    <>
      <TopBar session={session} route={route} signOut={signOut} alarms={alarms.data?.alarms ?? []}>
        {!isPhone && searchLine}
      </TopBar>
      <main class="dashboard">
        <h1 class="visually-hidden">Lapse dashboard</h1>
        <PrintHeader session={session} route={route} page={page.data} summary={summary.data} now={now} />
        <SiteStrip status={status} sites={session.sites} {...common} />
        {isPhone && searchLine}
        {sharedError && <ErrorNotice error={sharedError} retry={retry} />}
        {!isPhone && overview}
        <SessionEndList
          page={hideShownErrors(page)}
          query={query}
          userRequest={userRequest}
          pollCount={summaryRequest.pollCount}
          {...common}
        />
        {isPhone && overview}
        <LiveSessionsCard
          {...common}
          isPolling={isPolling}
          pollCount={polling.pollCount}
          attempt={attempt}
          shownError={page.error?.message}
        />
      </main>
      <Dialogs route={route} onSignedOut={onSignedOut} />
    </>
  )
}
