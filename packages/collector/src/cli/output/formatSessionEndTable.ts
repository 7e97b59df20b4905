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

interface TableOptions {
  /** Whether the pages contain only the rows that match a filter. */
  readonly isFiltered: boolean
  /** Whether the pages contain rows that were corrected. */
  readonly showsCorrected: boolean
}

/** Creates a function that formats rows as parts of one table. */
export function createSessionEndTableFormatter({
  showsCorrected = false,
} = {}): (rows: readonly ListedSessionEnd[]) => string {
  return createTableFormatter(
    showsCorrected ? { ...columns, superseded_by: (row) => row.supersededBy } : columns,
  )
}

/** Formats pages of rows as one table. */
export async function* formatSessionEndTable(
  pages: AsyncIterable<readonly ListedSessionEnd[]>,
  { isFiltered, ...options }: TableOptions,
): AsyncGenerator<string> {
  const emptyMessage = isFiltered ? 'No matching session ends.\n' : 'No session ends recorded.\n'
  const format = createSessionEndTableFormatter(options)
  for await (const rows of pages) yield rows.length === 0 ? emptyMessage : format(rows)
}
