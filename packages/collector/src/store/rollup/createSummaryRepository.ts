import type { SummaryCounts, SummaryRepository, SummaryRequest } from '../../reading/summaryRepository.ts'
import type { AuditDatabase } from '../database/auditDatabase.ts'
import { queryDeadlineMs } from '../database/deadlines.ts'
import { getSnapshot } from '../database/getSnapshot.ts'
import { createOperationRunner } from '../database/operations.ts'
import { countFlags, countReview } from './countFlags.ts'
import { countGroups } from './countGroups.ts'
import { countPeriod, type SummaryContext } from './countPeriod.ts'

export function createSummaryRepository(auditDatabase: AuditDatabase): SummaryRepository {
  const { knex, tableName } = auditDatabase
  const run = createOperationRunner(auditDatabase, { dataKind: 'audit' })
  return {
    summarize: (request) =>
      run(queryDeadlineMs, (signal) =>
        knex.transaction(
          (transaction) => summarize({ transaction, tableName, filter: request.filter, signal }, request),
          getSnapshot(knex),
        ),
      ),
  }
}

/** One transaction makes all counts consistent. */
async function summarize(
  context: SummaryContext,
  { period, previous, groupBy, top, hasFlags, hasReview }: SummaryRequest,
): Promise<SummaryCounts> {
  const current = { ...period, ...(await countPeriod(context, period)) }
  const flags = hasFlags ? await countFlags(context, current) : undefined
  const review = flags === undefined && hasReview ? await countReview(context, current) : flags?.review
  const needReview = hasReview ? (review ?? null) : null
  const compared = previous && { ...previous, ...(await countPeriod(context, previous)) }
  // If counting the rows of one period took too long, it would for the other.
  const neededReview = compared && needReview !== null ? await countReview(context, compared) : null
  return {
    current: { ...current, needReview },
    previous: compared && { ...compared, needReview: neededReview },
    groups: groupBy && (await countGroups(context, { groupBy, top, current, previous: compared })),
    flags,
  }
}
