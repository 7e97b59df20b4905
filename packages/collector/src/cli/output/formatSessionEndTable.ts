import type { ListedSessionEnd } from '../../reading/listedSessionEnd.ts'
import { type Columns, createTableFormatter } from './printTable.ts'

const columns: Columns<ListedSessionEnd> = {
  id: (row) => row.id,
  supersedes: (row) => row.supersedes,
  site: (row) => row.site,
  subject: (row) => row.subject,
  session: (row) => row.session,
  reason: (row) => row.reason,
  evidence: (row) => row.evidence,
  last_access_at: (row) => row.lastAccessAt,
  expired_at: (row) => row.expiredAt,
  detected_at: (row) => row.detectedAt,
  needs_review: (row) => (row.needsReview ? 'yes' : null),
}

/** Creates a function that formats rows as parts of one table. */
export function createSessionEndTableFormatter({
  showsCorrected = false,
} = {}): (rows: readonly ListedSessionEnd[]) => string {
  return createTableFormatter(
    showsCorrected ? { ...columns, superseded_by: (row) => row.supersededBy } : columns,
  )
}

/** Formats pages of rows as one table. Without rows, it has no headings either. */
export async function* formatSessionEndTable(
  pages: AsyncIterable<readonly ListedSessionEnd[]>,
  options: Parameters<typeof createSessionEndTableFormatter>[0],
): AsyncGenerator<string> {
  const format = createSessionEndTableFormatter(options)
  for await (const rows of pages) if (rows.length > 0) yield format(rows)
}
