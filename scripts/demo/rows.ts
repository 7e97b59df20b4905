import type { SessionEnd, Store } from '@lapse/collector'
import type { AuditRow } from '@lapse/example-script-tag'

const pollMs = 500

/** The newest rows as the pages of the demo show them. */
export async function rowsForPage(store: Store): Promise<AuditRow[]> {
  const rows = await store.sessionEnds.page({ site: 'demo' }, { limit: 20 })
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

/** Hands each row that is written from now on to `print`, in their order. */
export function startRowPrinter(store: Store, print: (row: SessionEnd) => void): { stop(): void } {
  let known: Set<number> | undefined
  const look = async () => {
    const rows = await store.sessionEnds.page({ site: 'demo' }, { limit: 100 })
    known ??= new Set(rows.map(({ id }) => id))
    for (const row of rows.reverse()) if (!known.has(row.id)) print(row)
    for (const { id } of rows) known.add(id)
  }
  const timer = setInterval(
    () => look().catch((error: Error) => process.stderr.write(`${error.message}\n`)),
    pollMs,
  )
  return { stop: () => clearInterval(timer) }
}

/** One row in one line, its times to the second in the time zone of this machine. */
export function printRow(row: SessionEnd): string {
  const at = (time: Date | null) => time?.toLocaleTimeString('en-GB') ?? '-'
  const times = [`last seen ${at(row.lastAccessAt)}`, `noticed ${at(row.detectedAt)}`]
  if (row.expiredAt) times.splice(1, 0, `expired ${at(row.expiredAt)}`)
  return `  row ${row.id}  ${row.reason.padEnd(16)}  ${row.subject ?? '-'}  ${row.evidence}  ${times.join(', ')}`
}
