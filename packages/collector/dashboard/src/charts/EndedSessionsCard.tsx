import { useState } from 'preact/hooks'
import type { Summary } from '../api/types.ts'
import type { QueryState } from '../api/useQuery.ts'
import { EmptyState } from '../components/EmptyState.tsx'
import { ErrorNotice } from '../components/ErrorNotice.tsx'
import { formatDate, formatMonth, formatShortDateTime, getTimeZone } from '../format/dateTime.ts'
import { reasons } from '../format/labels.ts'
import { formatCount } from '../format/numbers.ts'
import type { Route } from '../state/route.ts'
import { ChartDataTable } from './ChartDataTable.tsx'
import { countSessions } from './countSessions.ts'
import { fillBuckets, findNextStart } from './fillBuckets.ts'
import { ReasonLegend } from './ReasonLegend.tsx'
import { StackedBarChart } from './StackedBarChart.tsx'
import { useZoom } from './useZoom.ts'

interface Props {
  readonly summary: QueryState<Summary>
  readonly route: Route
  readonly retry: () => void
}

/** Shows how many sessions ended over time, by reason, and how many in the previous period. */
export function EndedSessionsCard({ summary: { data, error, isLoading }, route, retry }: Props) {
  const { zoomIn, zoomOut } = useZoom(route)
  return (
    <section class="card ended-sessions-card" aria-label="Ended sessions over time" aria-busy={isLoading}>
      {error && <ErrorNotice error={error} retry={retry} />}
      {!error && !data && <EmptyState isLoading={isLoading} />}
      {data && <EndedSessions summary={data} route={route} zoomIn={zoomIn} zoomOut={zoomOut} />}
    </section>
  )
}

interface ContentProps extends ReturnType<typeof useZoom> {
  readonly summary: Summary
  readonly route: Route
}

function EndedSessions({ summary, route, zoomIn, zoomOut }: ContentProps) {
  const [selectedIndex, selectBucket] = useState<number | null>(null)
  const [isTableShown, showTable] = useState(false)
  const { bucket: unit, previous } = summary
  const buckets = fillBuckets(summary, unit, route.zone)
  const previousBuckets = previous ? fillBuckets(previous, unit, route.zone) : null
  // Both periods may have changed since the pointer was moved.
  const selected = selectedIndex === null ? undefined : buckets[selectedIndex]
  const shown = selected ? [selected] : buckets
  const shownBefore =
    previousBuckets &&
    (selected ? previousBuckets.filter((_, index) => index === selectedIndex) : previousBuckets)
  const total = countSessions(shown)
  const presentReasons = reasons.filter((reason) => countSessions(buckets, reason) > 0)
  const formatStart = startFormats[unit]
  const zoomToBuckets = (first: number, last: number) => {
    const [from, lastStart] = [buckets[first]?.start, buckets[last]?.start]
    if (from === undefined || lastStart === undefined || buckets.length === 1) return
    zoomIn(Date.parse(from), findNextStart(Date.parse(lastStart), unit, route.zone))
  }
  const chart = {
    buckets,
    bucketUnit: unit,
    reasons: presentReasons,
    previousCounts: previousBuckets?.map((bucket) => countSessions([bucket])) ?? null,
  }

  return (
    <>
      <div class="card-header">
        <h2 id="ended-sessions-title">Ended sessions</h2>
        <p class="headline">
          <strong>{formatCount(total)}</strong> {total === 1 ? 'session' : 'sessions'}
        </p>
        {shownBefore && (
          <p class="muted previous-period" title="In the previous period">
            <span class="dashed-line" />
            before: {formatCount(countSessions(shownBefore))}
          </p>
        )}
        <p class="muted" aria-live="polite">
          {selected ? formatStart(selected.start) : `by ${unit}, ${getTimeZone()}`}
        </p>
        <span class="chart-actions">
          {zoomOut && (
            <button type="button" class="small-button" onClick={zoomOut}>
              Zoom out
            </button>
          )}
          <button
            type="button"
            class="small-button"
            aria-expanded={isTableShown}
            aria-controls="chart-data"
            onClick={() => showTable(!isTableShown)}
          >
            {isTableShown ? 'Hide table' : 'Show as table'}
          </button>
        </span>
      </div>
      {presentReasons.length === 0 && !countSessions(previousBuckets ?? []) ? (
        <p class="empty-state">No sessions ended in this period.</p>
      ) : (
        <>
          <StackedBarChart
            {...chart}
            zone={route.zone}
            onSelectBucket={selectBucket}
            onZoom={zoomToBuckets}
            zoomOut={zoomOut}
            label={`Ended sessions by ${unit} and reason. The arrow keys select a ${unit}, Enter zooms in, Escape zooms out. “Show as table” shows the same data.`}
          />
          <ReasonLegend reasons={presentReasons} buckets={shown} total={total} route={route} />
          {isTableShown && (
            <ChartDataTable
              {...chart}
              formatStart={formatStart}
              zoomIn={(index) => zoomToBuckets(index, index)}
            />
          )}
        </>
      )}
    </>
  )
}

const startFormats = {
  hour: formatShortDateTime,
  day: formatDate,
  week: (time: string) => `week of ${formatDate(time)}`,
  month: formatMonth,
} as const satisfies Record<Summary['bucket'], (time: string) => string>
