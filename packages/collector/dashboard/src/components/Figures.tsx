import type { Summary, SummaryTotals } from '../api/types.ts'
import type { QueryState } from '../api/useQuery.ts'
import { formatChange, formatCount } from '../format/numbers.ts'
import { formatPeriod } from '../format/period.ts'
import type { Route, RouteChanges } from '../state/route.ts'
import { hasTerm, removeTerm, setTerm } from '../state/searchTerms.ts'

interface Props {
  readonly summary: QueryState<Summary>
  readonly route: Route
}

interface Figure {
  readonly name: keyof SummaryTotals
  readonly label: string
  readonly isSelected: boolean
  readonly changes: RouteChanges
}

/** The four figures of the selected rows, compared with the previous period. Each is also a link that filters. */
export function Figures({ summary: { data, isLoading }, route }: Props) {
  return (
    <ul class="figures" aria-label="Figures" aria-busy={isLoading}>
      {listFigures(route).map((figure) => (
        <li key={figure.name}>
          <a
            {...route.buildLinkProps({ ...figure.changes, cursor: null })}
            class="figure"
            aria-current={figure.isSelected}
          >
            <span class="figure-label">{figure.label}</span>
            <span class="figure-line">
              <FigureValue totals={data?.totals} isLoading={isLoading} name={figure.name} />
              {data?.previous && <Delta data={data} name={figure.name} zone={route.zone} />}
            </span>
          </a>
        </li>
      ))}
    </ul>
  )
}

function listFigures(route: Route): Figure[] {
  const search = route.get('search')
  const isTimeouts = hasTerm(search, 'reason', 'idle_timeout')
  const isReview = hasTerm(search, 'flag', 'review')
  const isLimitTab = route.get('tab') === 'limit'
  const timeouts = setTerm(search, 'reason', 'idle_timeout')
  return [
    {
      name: 'ended',
      label: 'Ended sessions',
      isSelected: false,
      changes: { search: removeTerm(removeTerm(search, 'reason', 'idle_timeout'), 'flag', 'review') },
    },
    {
      name: 'idleTimeouts',
      label: 'Idle timeouts',
      isSelected: isTimeouts && !isLimitTab,
      changes: {
        search: isTimeouts && !isLimitTab ? removeTerm(search, 'reason', 'idle_timeout') : timeouts,
        ...(isLimitTab && { tab: null, sort: null }),
      },
    },
    {
      name: 'returnedWithin10Minutes',
      label: 'Back within 10 min',
      isSelected: isTimeouts && isLimitTab,
      // Those who were idle for the shortest time are those who came back soonest after the limit.
      changes:
        isTimeouts && isLimitTab
          ? { search: removeTerm(search, 'reason', 'idle_timeout'), tab: null, sort: null }
          : { search: timeouts, tab: 'limit', sort: 'elapsedMs' },
    },
    {
      name: 'needReview',
      label: 'Need review',
      isSelected: isReview,
      changes: {
        search: isReview ? removeTerm(search, 'flag', 'review') : setTerm(search, 'flag', 'review'),
      },
    },
  ]
}

interface ValueProps {
  readonly totals: SummaryTotals | undefined
  readonly isLoading: boolean
  readonly name: keyof SummaryTotals
}

function FigureValue({ totals, isLoading, name }: ValueProps) {
  if (!totals) return <strong class={isLoading ? 'skeleton-text' : ''}>–</strong>
  const count = totals[name]
  return count === null ? (
    <strong title="Counting took too long">not counted</strong>
  ) : (
    <strong>{formatCount(count)}</strong>
  )
}

interface DeltaProps {
  readonly data: Summary
  readonly name: keyof SummaryTotals
  readonly zone: Route['zone']
}

function Delta({ data: { totals, previous }, name, zone }: DeltaProps) {
  const count = totals[name]
  const before = previous?.totals[name]
  if (!previous || count === null || before === null || before === undefined) return null
  const period = formatPeriod(Date.parse(previous.from), Date.parse(previous.to), zone)
  return (
    <span class="delta" title={`${formatCount(before)} in the previous period: ${period}`}>
      {formatChange(count, before)} <span class="muted">from {formatCount(before)}</span>
    </span>
  )
}
