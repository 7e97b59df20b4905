import type { Knex } from 'knex'
import { toStoredTime } from '../database/storedTime.ts'
import type { EpochSpan } from '../rollup/epochSpan.ts'

/** Selects the rows `alias` that were detected in one of the spans. */
export function selectSpans(
  query: Knex.QueryBuilder,
  database: Knex,
  alias: string,
  spans: readonly EpochSpan[],
): void {
  const toTime = (at: number) => toStoredTime(database, new Date(at))
  query.where((either) => {
    for (const { from, to } of spans)
      either.orWhere((span) => {
        span.where(`${alias}.detected_at`, '>=', toTime(from)).where(`${alias}.detected_at`, '<', toTime(to))
      })
  })
}
