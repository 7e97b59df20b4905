import { reasons } from '../../domain/verdict.ts'
import type { Summary } from '../../reading/createSummary.ts'
import { createCsvWriter } from '../../reading/formats/csv.ts'
import type { SummaryQuery } from '../../reading/summaryQuery.ts'
import type { ReasonCounts } from '../../reading/tally.ts'
import { listBucketLines } from './listBucketLines.ts'

/** Formats the groups of a summary as CSV, or its buckets if it has none. Unknown values are empty. */
export function formatSummaryCsv(summary: Summary, query: SummaryQuery): string {
  if (summary.groups === null)
    throw new Error('The groups could not be counted in time. Choose a shorter period.')
  if (summary.groups) {
    const lines = summary.groups.map(({ key, count, previousCount, counts }) => ({
      ...{ key, ended: count, previousEnded: previousCount ?? null },
      ...fillReasons(counts),
    }))
    const { header, write } = createCsvWriter<(typeof lines)[number]>([
      ...(['key', 'ended', 'previousEnded'] as const),
      ...reasons,
    ])
    return header + write(lines)
  }
  const lines = listBucketLines(summary, query).map(({ start, ended, previous, counts }) => ({
    ...{ start, ended, previousEnded: previous },
    ...fillReasons(counts),
  }))
  const { header, write } = createCsvWriter<(typeof lines)[number]>([
    ...(['start', 'ended', 'previousEnded'] as const),
    ...reasons,
  ])
  return header + write(lines)
}

function fillReasons(counts: ReasonCounts): ReasonCounts {
  return Object.fromEntries(reasons.map((reason) => [reason, counts[reason] ?? 0]))
}
