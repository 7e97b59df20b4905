import type { SessionEnd } from '../../domain/sessionEnd.ts'
import { type Columns, createTableFormatter } from './printTable.ts'

const columns: Columns<SessionEnd> = {
  id: (row) => row.id,
  site: (row) => row.site,
  subject: (row) => row.subject,
  session: (row) => row.session,
  reason: (row) => row.reason,
  evidence: (row) => row.evidence,
  last_access_at: (row) => row.lastAccessAt,
  expired_at: (row) => row.expiredAt,
  detected_at: (row) => row.detectedAt,
}

/**
 * Formats pages of rows as one table.
 *
 * @param isFiltered whether the pages contain only the rows that match a filter.
 */
export async function* formatSessionEndTable(
  pages: AsyncIterable<readonly SessionEnd[]>,
  { isFiltered }: { readonly isFiltered: boolean },
): AsyncGenerator<string> {
  const emptyMessage = isFiltered ? 'No matching session ends.\n' : 'No session ends recorded.\n'
  const format = createTableFormatter(columns)
  for await (const rows of pages) yield rows.length === 0 ? emptyMessage : format(rows)
}
