import { useState } from 'preact/hooks'
import type { Bucket, Summary } from '../api/types.ts'
import type { QueryState } from '../api/useQuery.ts'
import { EmptyState } from '../components/EmptyState.tsx'
import { ErrorNotice } from '../components/ErrorNotice.tsx'
import { formatDate, formatShortDateTime, getTimeZone } from '../format/dateTime.ts'
import { reasonLabels, reasons } from '../format/labels.ts'
import { formatCount, formatPercent } from '../format/numbers.ts'
import type { Route } from '../state/route.ts'
import { hasTerm, removeTerm, setTerm } from '../state/searchTerms.ts'
import { ChartDataTable } from './ChartDataTable.tsx'
import { fillBuckets } from './fillBuckets.ts'
import { StackedBarChart } from './StackedBarChart.tsx'

type Reason = (typeof reasons)[number]

interface Props {
  readonly summary: QueryState<Summary>
  readonly route: Route
  readonly retry: () => void
}

/** Shows how many sessions ended over time, by reason. */
export function EndedSessionsCard({ summary: { data, error, isLoading }, route, retry }: Props) {
  const [selectedIndex, selectBucket] = useState<number | null>(null)
  const buckets = data ? fillBuckets(data) : []
  const selectedBuckets = selectedIndex === null ? buckets : buckets.slice(selectedIndex, selectedIndex + 1)
  const formatStart = data?.bucket === 'hour' ? formatShortDateTime : formatDate
  const presentReasons = reasons.filter((reason) => countSessions(buckets, reason) > 0)
  const total = presentReasons.reduce((sum, reason) => sum + countSessions(selectedBuckets, reason), 0)
  const [firstSelected] = selectedBuckets

  return (
    <section class="card ended-sessions-card" aria-labelledby="ended-sessions-title" aria-busy={isLoading}>
      <div class="card-header">
        <h2 id="ended-sessions-title">Ended sessions over time</h2>
        <p class="muted">
          {selectedIndex !== null && firstSelected
            ? formatStart(firstSelected.start)
            : `by ${data?.bucket ?? 'day'}, ${getTimeZone()}`}
        </p>
      </div>
      {error && <ErrorNotice error={error} retry={retry} />}
      {!error && !data && <EmptyState isLoading={isLoading} />}
      {data && (
        <>
          <p class="headline">
            <strong>{formatCount(total)}</strong> {total === 1 ? 'session' : 'sessions'}
          </p>
          <ReasonLegend reasons={presentReasons} buckets={selectedBuckets} total={total} route={route} />
          {presentReasons.length === 0 ? (
            <p class="empty-state">No sessions ended in this period.</p>
          ) : (
            <>
              <StackedBarChart
                buckets={buckets}
                bucketUnit={data.bucket}
                reasons={presentReasons}
                onSelectBucket={selectBucket}
                label={`Ended sessions by ${data.bucket} and reason. The table below shows the same data.`}
                onSelectPeriod={(from, to) =>
                  route.navigate({
                    from: new Date(from).toISOString(),
                    to: new Date(to).toISOString(),
                    range: null,
                    cursor: null,
                  })
                }
              />
              <ChartDataTable
                buckets={buckets}
                bucketUnit={data.bucket}
                reasons={presentReasons}
                formatStart={formatStart}
              />
            </>
          )}
        </>
      )}
    </section>
  )
}

interface LegendProps {
  readonly reasons: readonly Reason[]
  readonly buckets: readonly Bucket[]
  readonly total: number
  readonly route: Route
}

/** Explains the colors. Each entry is also a link that filters by its reason. */
function ReasonLegend({ reasons, buckets, total, route }: LegendProps) {
  return (
    <ul class="legend">
      {reasons.map((reason) => {
        const search = route.get('search')
        const isFiltered = hasTerm(search, 'reason', reason)
        const count = countSessions(buckets, reason)
        return (
          <li key={reason}>
            <a
              {...route.buildLinkProps({
                search: isFiltered ? removeTerm(search, 'reason', reason) : setTerm(search, 'reason', reason),
                cursor: null,
              })}
              aria-current={isFiltered}
            >
              <span class={`dot ${reason}`} />
              {reasonLabels[reason]} <b>{formatCount(count)}</b>
              <span class="muted">{total > 0 && formatPercent(count / total)}</span>
            </a>
          </li>
        )
      })}
    </ul>
  )
}

const countSessions = (buckets: readonly Bucket[], reason: Reason) =>
  buckets.reduce((sum, { counts }) => sum + (counts[reason] ?? 0), 0)
