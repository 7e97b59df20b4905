import { randomUUID } from 'node:crypto'
import type { Knex } from 'knex'
import { toStoredTime } from '../../../../test/databases.ts'

export type LiveRowChanges = Readonly<Record<string, unknown>> & {
  /** When the sweep records the timeout, in milliseconds from now. An hour ago by default. */
  readonly due_ms?: number
}

/** Creates a row of the table of live sessions, with an idle timeout of 30 minutes. */
export function createLiveRow(
  sql: Knex,
  { due_ms: dueMs = -3_600_000, ...changes }: LiveRowChanges = {},
): Record<string, unknown> {
  const format = (at: number) => toStoredTime(sql, at)
  const dueAt = Date.now() + dueMs
  const expiresAt = dueAt - 10_000
  const lastAccessAt = expiresAt - 1_800_000
  const session = randomUUID()
  return {
    site: 'acme',
    session_key: session,
    marker: randomUUID(),
    session,
    subject: 'u_42',
    evidence: 'self_reported',
    started_at: format(lastAccessAt - 600_000),
    signed_in_at: null,
    last_access_at: format(lastAccessAt),
    clock_skew_ms: 0,
    idle_timeout_seconds: 1800,
    absolute_timeout_seconds: null,
    heartbeat_seconds: null,
    expires_at: format(expiresAt),
    due_at: format(dueAt),
    wait_ms: 10_000,
    origin: 'https://app.acme.com',
    user_agent: 'a browser',
    client_version: '1.0.0',
    registered_at: format(lastAccessAt - 600_000),
    resumed_at: null,
    resumes: null,
    ...changes,
  }
}
