import type { Knex } from 'knex'

/** The number of rows in one statement. */
const chunkSize = 100_000
const yearSeconds = 365 * 86_400

/**
 * Fills an empty audit table with rows evenly distributed over the year 2025, in the order of their detection. They
 * belong to 20 sites and 50,000 users. Every site has all reasons and kinds of evidence; one row in a thousand is
 * `revoked`. The sweep recorded a quarter of the rows, and half of these users came back.
 *
 * @param correctedEvery every n-th row corrects the one before it; 0 for no corrections.
 */
export async function fillTable(sql: Knex, rows: number, correctedEvery: number): Promise<void> {
  const dialect = sql.client.driverName === 'better-sqlite3' ? sqlite : mysql
  // Creating an index afterwards is much faster than updating it for every row.
  const indexes = await dialect.indexes(sql)
  for (const { drop } of indexes) await sql.raw(drop)
  for (let first = 0; first < rows; first += chunkSize) {
    const last = Math.min(first + chunkSize, rows) - 1
    await sql.transaction(async (transaction) => {
      await dialect.prepare(transaction)
      await transaction.raw(createInsert(dialect, { first, last, step: yearSeconds / rows, correctedEvery }))
    })
  }
  for (const { create } of indexes) await sql.raw(create)
  await sql.raw(`insert into session_return (audit_id, site, returned_at, received_at)
    select id, site, detected_at, received_at from session_audit where detected_by = 'sweep' and id % 8 = 2`)
  await sql.raw(dialect.analyze)
}

interface Index {
  readonly drop: string
  readonly create: string
}

interface Dialect {
  indexes(sql: Knex): Promise<Index[]>
  /** Allows a recursion that is as deep as a chunk. */
  prepare(sql: Knex): Promise<void>
  readonly analyze: string
  /** The SQL for an instant, in seconds since the start of the year. */
  readonly time: (seconds: string) => string
  readonly text: (prefix: string, number: string) => string
}

const sqlite: Dialect = {
  async indexes(sql) {
    const found = await sql('sqlite_master')
      .where({ type: 'index', tbl_name: 'session_audit' })
      .whereNotNull('sql')
    return found.map(({ name, sql: create }) => ({ drop: `drop index ${name}`, create }))
  },
  async prepare() {},
  analyze: 'analyze',
  time: (seconds) => `strftime('%Y-%m-%dT%H:%M:%fZ', unixepoch('2025-01-01') + ${seconds}, 'unixepoch')`,
  text: (prefix, number) => `'${prefix}' || (${number})`,
}

const mysql: Dialect = {
  async indexes(sql) {
    const [found] = await sql.raw(
      `select index_name as name, max(non_unique) as repeats, group_concat(column_name order by seq_in_index) as columns
       from information_schema.statistics
       where table_schema = database() and table_name = 'session_audit' and index_name <> 'PRIMARY'
       group by index_name`,
    )
    return found.map(({ name, repeats, columns }: Record<string, string>) => ({
      drop: `alter table session_audit drop index ${name}`,
      create: `alter table session_audit add ${Number(repeats) ? '' : 'unique '}index ${name} (${columns})`,
    }))
  },
  async prepare(sql) {
    const [[{ version }]] = await sql.raw('select version() as version')
    const limit = /mariadb/i.test(version) ? 'max_recursive_iterations' : 'cte_max_recursion_depth'
    await sql.raw(`set session ${limit} = ${chunkSize + 1}`)
  },
  analyze: 'analyze table session_audit',
  time: (seconds) =>
    `timestampadd(microsecond, round((${seconds}) * 1000) * 1000, '2025-01-01 00:00:00.000')`,
  text: (prefix, number) => `concat('${prefix}', ${number})`,
}

interface Chunk {
  readonly first: number
  readonly last: number
  /** The seconds between two rows. */
  readonly step: number
  readonly correctedEvery: number
}

function createInsert({ time, text }: Dialect, { first, last, step, correctedEvery }: Chunk): string {
  const isCorrection = correctedEvery === 0 ? '0' : `i % ${correctedEvery} = ${correctedEvery - 1}`
  // A correction has the site and the session of the row before it. The multiplication scatters the keys.
  const session = `(i - (${isCorrection}))`
  const key = text('session-', `${session} * 2654435761 % 4294967296`)
  const columns: Record<string, string> = {
    id: 'i + 1',
    site: text('site', `${session} % 20`),
    session_key: key,
    revision: `1 + (${isCorrection})`,
    supersedes: `case when ${isCorrection} then i end`,
    session: key,
    subject: text('u_', 'i * 7 % 50000'),
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
