import type { SessionEnd } from '../../domain/sessionEnd.ts'
import { type Headings, tableWriter } from './printTable.ts'

const headings: Headings<SessionEnd> = {
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

/** Rows as a table to look at, a piece for each piece of rows. */
export async function* sessionEndTable(pieces: AsyncIterable<readonly SessionEnd[]>): AsyncGenerator<string> {
  const write = tableWriter(headings)
  for await (const rows of pieces) yield rows.length === 0 ? 'No lapses recorded.\n' : write(rows)
}
