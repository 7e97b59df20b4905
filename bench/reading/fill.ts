import type { Knex } from 'knex'
import { type Dialect, getDialect, insertRows } from '../insertRows.ts'

const yearSeconds = 365 * 86_400
const yearStart = '2025-01-01'

/**
 * Fills an empty audit table with rows evenly distributed over the year 2025, in the order of their detection. They
 * belong to 20 sites and 50,000 users. Every site has all reasons and kinds of evidence; one row in a thousand is
 * `revoked`. The sweep recorded a quarter of the rows, and half of these users came back.
 *
 * @param correctedEvery every n-th row corrects the one before it; 0 for no corrections.
 */
export async function fillTable(sql: Knex, rows: number, correctedEvery: number): Promise<void> {
  await insertRows(sql, rows, (dialect, chunk) =>
    createInsert(dialect, { ...chunk, step: yearSeconds / rows, correctedEvery }),
  )
  await sql.raw(`insert into session_return (audit_id, site, returned_at, received_at)
    select id, site, detected_at, received_at from session_audit where detected_by = 'sweep' and id % 8 = 2`)
  await getDialect(sql).analyze(sql)
}

interface Chunk {
  readonly first: number
  readonly last: number
  /** The seconds between two rows. */
  readonly step: number
  readonly correctedEvery: number
}

function createInsert({ text, ...dialect }: Dialect, { first, last, step, correctedEvery }: Chunk): string {
  const time = (seconds: string) => dialect.time(seconds, yearStart)
  const isCorrection = correctedEvery === 0 ? '0' : `i % ${correctedEvery} = ${correctedEvery - 1}`
  // A correction has the site and the session of the row before it. The multiplication scatters the keys.
  const session = `(i - (${isCorrection}))`
  const key = text("'session-'", `${session} * 2654435761 % 4294967296`)
  const columns: Record<string, string> = {
    id: 'i + 1',
    site: text("'site'", `${session} % 20`),
    session_key: key,
    revision: `1 + (${isCorrection})`,
    supersedes: `case when ${isCorrection} then i end`,
    session: key,
    subject: text("'u_'", 'i * 7 % 50000'),
    reason: `case when i % 1009 = 7 then 'revoked' when i % 101 < 60 then 'idle_timeout' when i % 101 < 80 then 'logout'
      when i % 101 < 90 then 'absolute_timeout' else 'ended_early' end`,
    evidence: `case when i % 7 < 3 then 'signed' else 'self_reported' end`,
    detected_by: `case when i % 4 = 1 then 'sweep' else 'login_page' end`,
    started_at: time('at - idle - 3600'),
    last_access_at: time('at - idle'),
    expired_at: time('at - idle + 1800'),
    detected_at: time('at'),
    received_at: time('at'),
    elapsed_ms: 'idle * 1000',
    idle_timeout_seconds: '1800',
    clock_skew_ms: 'i % 200',
    browser_restarted: '0',
    origin: `'https://app.acme.com'`,
    ip: `'203.0.113.0'`,
    user_agent: `'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'`,
    client_version: `'1.0.0'`,
  }
  return `insert into session_audit (${Object.keys(columns).join(', ')})
    with recursive
      numbers as (select ${first} as i union all select i + 1 from numbers where i < ${last}),
      lapses as (select i, i * ${step} as at, 1800 + i * 7919 % 97 * (i * 104729 % 89) * 11 as idle from numbers)
    select ${Object.values(columns).join(', ')} from lapses order by i`
}
