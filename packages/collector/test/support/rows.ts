import type { Knex } from 'knex'
import { toStoredTime } from '../../../../test/databases.ts'

/** Selects the rows, as `a`, that no other row supersedes. */
export function selectCurrentRows(sql: Knex): Knex.QueryBuilder {
  return sql({ a: 'session_audit' })
    .leftJoin({ s: 'session_audit' }, 's.supersedes', 'a.id')
    .whereNull('s.id')
}

interface RowInput {
  readonly session: string
  /** Epoch milliseconds. */
  readonly detected_at: number
  readonly [column: string]: string | number | boolean | Date | null
}

/** Inserts rows of sessions that were idle for 40 minutes. The columns in `rows` override the defaults. */
export async function insertRows(sql: Knex, rows: readonly RowInput[]): Promise<void> {
  const format = (time: number) => toStoredTime(sql, time)
  const hasRevisions = rows.some((row) => 'revision' in row)
  const complete = rows.map(({ detected_at: at, ...columns }) => ({
    site: 'acme',
    session_key: columns.session,
    // Earlier schemas do not have this column.
    ...(hasRevisions && { revision: 1 }),
    subject: 'u_42',
    reason: 'idle_timeout',
    evidence: 'self_reported',
    detected_by: 'login_page',
    started_at: format(at - 60 * 60_000),
    last_access_at: format(at - 40 * 60_000),
    expired_at: format(at - 10 * 60_000),
    detected_at: format(at),
    received_at: format(at),
    elapsed_ms: 40 * 60_000,
    idle_timeout_seconds: 1800,
    clock_skew_ms: -5,
    browser_restarted: false,
    origin: 'https://app.acme.com',
    ip: '203.0.113.0',
    user_agent: 'Mozilla/5.0',
    client_version: '1.0.0',
    ...columns,
  }))
  await sql.batchInsert('session_audit', complete, 200)
}
