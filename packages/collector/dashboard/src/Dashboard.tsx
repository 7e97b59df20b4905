import { useEffect, useMemo, useState } from 'preact/hooks'
import type { RowsPage, Session, Summary } from './api/fetchJson.ts'
import { type Answer, useAnswer } from './api/useQuery.ts'
import { Over } from './charts/EndedSessionsCard.tsx'
import { Returns } from './charts/PastLimitCard.tsx'
import { ProblemNote } from './components/ErrorNotice.tsx'
import { Filters } from './components/FilterForm.tsx'
import { Header } from './components/Header.tsx'
import { Detail } from './components/SessionEndDialog.tsx'
import { Rows } from './components/SessionEndList.tsx'
import { filterQuery, summaryQuery, useView } from './state/route.ts'

interface Props {
  readonly session: Session
  readonly signOut: () => void
  /** There is no session any more. */
  readonly leave: () => void
}

const rowsPerPage = 50
const liveEveryMs = 5000
/** Sums cost the collector more than a page of rows does. */
const ticksPerSummary = 3

const minuteOfNow = () => Math.floor(Date.now() / 60_000)

export function Dashboard({ session, signOut, leave }: Props) {
  const view = useView()
  const [isLive, setLive] = useState(true)
  const [tick, setTick] = useState(0)
  const [minute, setMinute] = useState(minuteOfNow)
  const [attempt, setAttempt] = useState(0)
  const cursor = view.get('cursor')

  // A later page stays as it is, and so does the time that it ends at: rows that arrive belong to the first.
  const isFollowing = isLive && !cursor
  useEffect(() => {
    if (!isFollowing) return
    const timer = setInterval(() => {
      if (document.hidden) return
      setTick((last) => last + 1)
      setMinute(minuteOfNow())
    }, liveEveryMs)
    return () => clearInterval(timer)
  }, [isFollowing])

  const wish = `${filterQuery(view, 0)} ${view.range} ${attempt}`
  const { filters, now } = useMemo(() => {
    const now = Date.now()
    return { now, filters: filterQuery(view, now) }
  }, [wish, minute])

  const list = new URLSearchParams(filters)
  list.set('limit', String(rowsPerPage))
  if (cursor) list.set('cursor', cursor)
  const rows = useAnswer<RowsPage>(`v1/lapses?${list}`, { wish: `${wish} ${cursor}`, tick }, leave)
  const summary = useAnswer<Summary>(
    `v1/summary?${summaryQuery(filters, now)}`,
    { wish, tick: Math.floor(tick / ticksPerSummary) },
    leave,
  )
  const retry = () => setAttempt((last) => last + 1)
  // What keeps both away is said once.
  const shared =
    summary.problem && rows.problem?.message === summary.problem.message ? rows.problem : undefined
  const own = <Data,>(answer: Answer<Data>) => (shared ? { ...answer, problem: undefined } : answer)

  return (
    <>
      <Header
        session={session}
        signOut={signOut}
        isLive={isLive}
        setLive={setLive}
        isAway={rows.problem?.isPassing ?? false}
      />
      <main class="page">
        <h1 class="visually-hidden">Sessions that ended</h1>
        <Filters view={view} sites={session.sites} />
        {shared && <ProblemNote problem={shared} retry={retry} />}
        <div class="overview">
          <Over summary={own(summary)} view={view} retry={retry} />
          <Returns summary={summary} />
        </div>
        <Rows rows={own(rows)} view={view} filters={filters} retry={retry} />
      </main>
      {view.get('row') && <Detail id={view.get('row')} view={view} leave={leave} />}
    </>
  )
}
