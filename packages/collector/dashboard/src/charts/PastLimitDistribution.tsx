import type { Summary } from '../api/types.ts'
import { formatCount, formatDuration, formatPercent } from '../format/numbers.ts'
import { addCumulativeShares, describeNotReturned, formatQuantile } from './pastLimitShares.ts'

type PastLimit = Summary['pastLimit']

/** Shows how long after the idle timeout users returned, and how many never did. */
export function PastLimitDistribution({ pastLimit }: { readonly pastLimit: PastLimit }) {
  const notReturned = describeNotReturned(pastLimit)
  return (
    <div class="past-limit-distribution">
      {notReturned !== null && <p>{notReturned}</p>}
      <Histogram pastLimit={pastLimit} />
      {pastLimit.p50Ms !== null && <Quantiles pastLimit={pastLimit} />}
    </div>
  )
}

function Histogram({ pastLimit }: { readonly pastLimit: PastLimit }) {
  const { histogram, notReturned } = pastLimit
  const highestCount = Math.max(notReturned, ...histogram.map((bar) => bar.count))
  const lastUsed = histogram.findLastIndex((bar) => bar.count > 0)
  const bars = addCumulativeShares(pastLimit).slice(0, lastUsed + 1)
  return (
    <table class="histogram">
      <thead>
        <tr>
          <th scope="col">Past the limit</th>
          <th scope="col">
            <span class="visually-hidden">Sessions</span>
          </th>
          <th scope="col" class="number" title="Share of users who had returned by the end of the interval">
            Cumulative
          </th>
        </tr>
      </thead>
      <tbody>
        {bars.map(({ fromMs, toMs, count, cumulativeShare }) => (
          <tr key={fromMs}>
            <th scope="row">{formatInterval(fromMs, toMs)}</th>
            <td>
              <HistogramBar count={count} highestCount={highestCount} />
            </td>
            <td class="number muted">{formatPercent(cumulativeShare)}</td>
          </tr>
        ))}
        {notReturned > 0 && (
          <tr class="not-returned">
            <th scope="row">not back yet</th>
            <td>
              <HistogramBar count={notReturned} highestCount={highestCount} />
            </td>
            <td />
          </tr>
        )}
      </tbody>
    </table>
  )
}

interface BarProps {
  readonly count: number
  readonly highestCount: number
}

function HistogramBar({ count, highestCount }: BarProps) {
  return (
    <>
      {count > 0 && <span class="histogram-bar" style={{ width: `${(count / highestCount) * 100}%` }} />}
      <span class="histogram-count">{formatCount(count)}</span>
    </>
  )
}

function formatInterval(fromMs: number, toMs: number | null): string {
  if (toMs === null) return `over ${formatDuration(fromMs)}`
  if (fromMs <= 0) return `under ${formatDuration(toMs)}`
  return `${formatDuration(fromMs)} – ${formatDuration(toMs)}`
}

function Quantiles({ pastLimit }: { readonly pastLimit: PastLimit }) {
  const { p50Ms, p75Ms, p90Ms, p95Ms, p99Ms } = pastLimit
  const quantiles = [
    { share: 0.5, ms: p50Ms },
    { share: 0.75, ms: p75Ms },
    { share: 0.9, ms: p90Ms },
    { share: 0.95, ms: p95Ms },
    { share: 0.99, ms: p99Ms },
  ]
  return (
    <dl class="quantiles">
      {quantiles.map(({ share, ms }) => (
        <div key={share}>
          <dt>{formatPercent(share)}</dt>
          <dd>{ms === null ? '–' : formatQuantile(ms)}</dd>
        </div>
      ))}
    </dl>
  )
}
