import type { Bucket } from '../api/types.ts'
import { reasonLabels, type reasons } from '../format/labels.ts'
import { formatCount, formatPercent } from '../format/numbers.ts'
import type { Route } from '../state/route.ts'
import { hasTerm, removeTerm, setTerm } from '../state/searchTerms.ts'
import { countSessions } from './countSessions.ts'

interface Props {
  readonly reasons: typeof reasons
  readonly buckets: readonly Bucket[]
  readonly total: number
  readonly route: Route
}

/** Explains the colors. Each entry is also a link that filters by its reason. */
export function ReasonLegend({ reasons, buckets, total, route }: Props) {
  const search = route.get('search')
  return (
    <ul class="legend">
      {reasons.map((reason) => {
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
