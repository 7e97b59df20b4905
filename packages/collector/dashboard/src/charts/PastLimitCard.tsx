import type { PastLimit } from '../../../src/lapse/pastLimit.ts'
import type { Summary } from '../api/types.ts'
import type { QueryState } from '../api/useQuery.ts'
import { EmptyState } from '../components/EmptyState.tsx'
import { formatCount, formatDuration, formatPercent } from '../format/numbers.ts'
import { addCumulativeShares, describeLongerLimit, formatQuantile } from './pastLimitShares.ts'

interface Props {
  readonly summary: QueryState<Summary>
}

/** Shows how long after the idle timeout users returned, which tells whether the limit is too short. */
export function PastLimitCard({ summary: { data, isLoading } }: Props) {
  return (
    <section class="card returns" aria-labelledby="returns-title" aria-busy={isLoading}>
      <div class="card-head">
        <h2 id="returns-title">Back after the limit</h2>
        <p class="quiet">idle timeouts only</p>
      </div>
      {!data && <EmptyState isLoading={isLoading} />}
      {data &&
        (data.pastLimit.count === 0 ? (
          <p class="empty">No idle timeout in this time.</p>
        ) : (
          <Distribution pastLimit={data.pastLimit} />
        ))}
    </section>
  )
}

function Distribution({ pastLimit }: { readonly pastLimit: PastLimit }) {
  const { p50Ms, p75Ms } = pastLimit
  return (
    <>
      <p class="figure">
        {p50Ms !== null && (
          <>
            Half came back within about <strong>{formatQuantile(p50Ms)}</strong> of the limit
            {p75Ms !== null && <>, three quarters within {formatQuantile(p75Ms)}</>}.
          </>
        )}
      </p>
      <p class="quiet">{describeLongerLimit(pastLimit)}</p>
      <Histogram pastLimit={pastLimit} />
      <Quantiles pastLimit={pastLimit} />
    </>
  )
}

function Histogram({ pastLimit }: { readonly pastLimit: PastLimit }) {
  const { histogram } = pastLimit
  const highestCount = Math.max(...histogram.map((bar) => bar.count))
  const lastUsed = histogram.findLastIndex((bar) => bar.count > 0)
  const bars = addCumulativeShares(pastLimit).slice(0, lastUsed + 1)
  return (
    <table class="bins">
      <thead>
        <tr>
          <th scope="col">Past the limit</th>
          <th scope="col">
            <span class="visually-hidden">Sessions</span>
          </th>
          <th scope="col" class="number" title="Back by then: their share of all">
            Back by then
          </th>
        </tr>
      </thead>
      <tbody>
        {bars.map(({ fromMs, toMs, count, cumulativeShare }) => (
          <tr key={fromMs}>
            <th scope="row">{formatInterval(fromMs, toMs)}</th>
            <td>
              {count > 0 && <span class="bar" style={{ width: `${(count / highestCount) * 100}%` }} />}
              <span class="bar-count">{formatCount(count)}</span>
            </td>
            <td class="number quiet">{formatPercent(cumulativeShare)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}

function formatInterval(fromMs: number, toMs: number | null): string {
  if (toMs === null) return `over ${formatDuration(fromMs)}`
  if (fromMs <= 0) return `under ${formatDuration(toMs)}`
  return `${formatDuration(fromMs)} – ${formatDuration(toMs)}`
}

function Quantiles({ pastLimit }: { readonly pastLimit: PastLimit }) {
  const { p50Ms, p75Ms, p90Ms, p95Ms, p99Ms } = pastLimit
  const quantiles = { '50 %': p50Ms, '75 %': p75Ms, '90 %': p90Ms, '95 %': p95Ms, '99 %': p99Ms }
  return (
    <dl class="quantiles">
      {Object.entries(quantiles).map(([name, ms]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{ms === null ? '–' : formatQuantile(ms)}</dd>
        </div>
      ))}
    </dl>
  )
}
