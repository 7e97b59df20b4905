import { useState } from 'preact/hooks'
import { flagDescriptions } from '../../../src/reading/search/flags.ts'
import type { FlagCounts } from '../api/types.ts'
import { EmptyState } from '../components/EmptyState.tsx'
import { ErrorNotice } from '../components/ErrorNotice.tsx'
import { evidenceKinds, evidenceLabels, flagLabels, flags } from '../format/labels.ts'
import { formatCount } from '../format/numbers.ts'
import type { Route } from '../state/route.ts'
import { hasTerm } from '../state/searchTerms.ts'
import { buildFilterLinkProps } from '../state/valueFilters.ts'
import { type InsightQuery, useInsights } from './useInsights.ts'

interface Props {
  readonly route: Route
  readonly query: InsightQuery
}

/** Shows how far the selected rows can be trusted: by evidence, and by the flags that ask for a closer look. */
export function EvidenceTab({ route, query }: Props) {
  const [attempt, setAttempt] = useState(0)
  const { data, error, isLoading } = useInsights(query, attempt, {
    groupBy: 'evidence',
    flags: 'true',
  })
  const countEvidence = (kind: string) => data?.groups?.find(({ key }) => key === kind)?.count ?? 0
  return (
    <div aria-busy={isLoading}>
      {error && <ErrorNotice error={error} retry={() => setAttempt((last) => last + 1)} />}
      {!data && !error && <EmptyState isLoading={isLoading} />}
      {data && (
        <>
          <ul class="legend evidence-kinds">
            {evidenceKinds.map((kind) => (
              <li key={kind}>
                <a
                  {...buildFilterLinkProps(route, { key: 'evidence', value: kind })}
                  aria-current={hasTerm(route.get('search'), 'evidence', kind)}
                >
                  {evidenceLabels[kind]} <b>{formatCount(countEvidence(kind))}</b>
                </a>
              </li>
            ))}
          </ul>
          {data.flags && <FlagList counts={data.flags} route={route} />}
        </>
      )}
    </div>
  )
}

function FlagList({ counts, route }: { readonly counts: FlagCounts; readonly route: Route }) {
  return (
    <ul class="flag-list">
      {flags.map((flag) => (
        <li key={flag}>
          <a
            {...buildFilterLinkProps(route, { key: 'flag', value: flag })}
            aria-current={hasTerm(route.get('search'), 'flag', flag)}
          >
            <b class="number">{formatCount(counts[flag])}</b> {flagLabels[flag]}
          </a>
          <span class="muted">{flagDescriptions[flag]}</span>
        </li>
      ))}
    </ul>
  )
}
