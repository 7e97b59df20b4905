import { useEffect, useMemo, useState } from 'preact/hooks'
import type { RowsPage, Session, Summary } from './api.ts'
import { Detail } from './Detail.tsx'
import { Filters } from './Filters.tsx'
import { Header } from './Header.tsx'
import { Over } from './Over.tsx'
import { Returns } from './Returns.tsx'
import { Rows } from './Rows.tsx'
import { useAnswer } from './useAnswer.ts'
import { filterQuery, summaryQuery, useView } from './view.ts'

interface Props {
  readonly session: Session
  readonly signOut: () => void
  /** There is no session any more. */
  readonly leave: () => void
}

const rowsPerPage = 50
const liveEveryMs = 5000

export function Dashboard({ session, signOut, leave }: Props) {
  const view = useView()
  const [isLive, setLive] = useState(true)
  const [tick, setTick] = useState(0)
  const cursor = view.get('cursor')

  useEffect(() => {
    if (!isLive) return
    const timer = setInterval(() => document.hidden || setTick((last) => last + 1), liveEveryMs)
    return () => clearInterval(timer)
  }, [isLive])

  const filterKey = filterQuery(view, 0).toString() + view.range
  const { filters, now } = useMemo(() => {
    const now = Date.now()
    return { now, filters: filterQuery(view, now) }
  }, [filterKey])

  const list = new URLSearchParams(filters)
  list.set('limit', String(rowsPerPage))
  if (cursor) list.set('cursor', cursor)
  // A later page stays as it is: rows that arrive belong to the first.
  const rows = useAnswer<RowsPage>(`v1/lapses?${list}`, cursor ? 0 : tick, leave)
  const newest = cursor ? 0 : (rows.data?.lapses[0]?.id ?? 0)
  const summary = useAnswer<Summary>(`v1/summary?${summaryQuery(filters, now)}`, newest, leave)
  const retry = () => setTick((last) => last + 1)

  return (
    <>
      <Header session={session} signOut={signOut} isLive={isLive} setLive={setLive} />
      <main class="page">
        <h1 class="visually-hidden">Sessions that ended</h1>
        <Filters view={view} sites={session.sites} />
        <div class="overview">
          <Over summary={summary} view={view} retry={retry} />
          <Returns summary={summary} />
        </div>
        <Rows rows={rows} view={view} filters={filters} retry={retry} />
      </main>
      {view.get('row') && <Detail id={view.get('row')} view={view} leave={leave} />}
    </>
  )
}
