import type { PastLimit } from '../../../src/lapse/pastLimit.ts'
import type { Summary } from '../api/fetchJson.ts'
import type { Answer } from '../api/useQuery.ts'
import { NoAnswer } from '../components/ErrorNotice.tsx'
import { asCount, asDuration, asPercent } from '../format/dateTime.ts'
import { asPastLimit, withLongerLimit, withShares } from './pastLimitShares.ts'

/** How long after the idle timeout people came back. Is the limit too short? */
export function Returns({ summary: { data, isLoading } }: { readonly summary: Answer<Summary> }) {
  return (
    <section class="card returns" aria-labelledby="returns-title" aria-busy={isLoading}>
      <div class="card-head">
        <h2 id="returns-title">Back after the limit</h2>
        <p class="quiet">idle timeouts only</p>
      </div>
      {!data && <NoAnswer isLoading={isLoading} />}
      {data &&
        (data.pastLimit.count === 0 ? (
          <p class="empty">No idle timeout in this time.</p>
        ) : (
          <Bins pastLimit={data.pastLimit} />
        ))}
    </section>
  )
}

function Bins({ pastLimit }: { readonly pastLimit: PastLimit }) {
  const { p50Ms, p75Ms, p90Ms, p95Ms, p99Ms, histogram } = pastLimit
  const most = Math.max(...histogram.map((bin) => bin.count))
  const last = histogram.findLastIndex((bin) => bin.count > 0)
  const bins = withShares(pastLimit).slice(0, last + 1)
  const quantiles = { '50 %': p50Ms, '75 %': p75Ms, '90 %': p90Ms, '95 %': p95Ms, '99 %': p99Ms }

  return (
    <>
      <p class="figure">
        {p50Ms !== null && (
          <>
            Half came back within about <strong>{asPastLimit(p50Ms)}</strong> of the limit
            {p75Ms !== null && <>, three quarters within {asPastLimit(p75Ms)}</>}.
          </>
        )}
      </p>
      <p class="quiet">{withLongerLimit(pastLimit)}</p>
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
          {bins.map(({ fromMs, toMs, count, share }) => (
            <tr key={fromMs}>
              <th scope="row">
                {toMs === null
                  ? `over ${asDuration(fromMs)}`
                  : fromMs <= 0
                    ? `under ${asDuration(toMs)}`
                    : `${asDuration(fromMs)} – ${asDuration(toMs)}`}
              </th>
              <td>
                {count > 0 && <span class="bar" style={{ width: `${(count / most) * 100}%` }} />}
                <span class="bar-count">{asCount(count)}</span>
              </td>
              <td class="number quiet">{asPercent(share)}</td>
            </tr>
          ))}
        </tbody>
      </table>
      <dl class="quantiles">
        {Object.entries(quantiles).map(([name, ms]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{ms === null ? '–' : asPastLimit(ms)}</dd>
          </div>
        ))}
      </dl>
    </>
  )
}
