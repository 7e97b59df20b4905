import type { SessionEnd, Store } from '@lapse/collector'
import type { AuditRow } from './app/options.ts'

const pollMs = 500

/** Reads the newest rows in the form that the demo's pages show. */
export async function readRowsForPage(store: Store): Promise<AuditRow[]> {
  const { rows } = await store.sessionEnds.readPage({ site: 'demo' }, { limit: 20 })
  return rows.map((row) => ({
    id: row.id,
    subject: row.subject,
    session: row.session,
    reason: row.reason,
    evidence: row.evidence,
    lastAccessAt: row.lastAccessAt?.toISOString() ?? '',
    expiredAt: row.expiredAt?.toISOString() ?? null,
    detectedAt: row.detectedAt.toISOString(),
    elapsedMs: row.elapsedMs ?? 0,
    idleTimeoutSeconds: row.idleTimeoutSeconds,
  }))
}

/** Calls `onRow` for each row that is written from now on, in order. Returns a function that stops this. */
export function watchRows(store: Store, onRow: (row: SessionEnd) => void): () => void {
  let seenIds: Set<number> | undefined
  const poll = async () => {
    const { rows } = await store.sessionEnds.readPage({ site: 'demo' }, { limit: 100 })
    seenIds ??= new Set(rows.map(({ id }) => id))
    for (const row of rows.toReversed()) if (!seenIds.has(row.id)) onRow(row)
    for (const { id } of rows) seenIds.add(id)
  }
  const timer = setInterval(
    () => poll().catch((error: Error) => process.stderr.write(`${error.message}\n`)),
    pollMs,
  )
  return () => clearInterval(timer)
}

/** Formats a row as one line, with its times in the local time zone. */
export function formatRow(row: SessionEnd): string {
  const format = (time: Date | null) => time?.toLocaleTimeString('en-GB') ?? '-'
  const times = [
    `last used ${format(row.lastAccessAt)}`,
    ...(row.expiredAt ? [`expired ${format(row.expiredAt)}`] : []),
    `detected ${format(row.detectedAt)}`,
  ]
  return `  row ${row.id}  ${row.reason.padEnd(16)}  ${row.subject ?? '-'}  ${row.evidence}  ${times.join(', ')}`
}
