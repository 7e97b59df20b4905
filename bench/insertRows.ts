import type { Knex } from 'knex'

/** The number of rows in one statement. */
const chunkSize = 100_000

/** How to write SQL for a database. */
export interface Dialect {
  indexes(sql: Knex): Promise<Index[]>
  /** Allows a recursion that is as deep as a chunk. */
  prepare(sql: Knex): Promise<void>
  /** Updates the statistics of the optimizer as the server does by itself. Nobody does in SQLite. */
  readonly analyze: (sql: Knex) => Promise<void>
  /** An instant, in seconds since a date such as `2025-01-01`. */
  readonly time: (seconds: string, date: string) => string
  readonly text: (...parts: readonly string[]) => string
  /** The integer part of a positive number. */
  readonly floor: (number: string) => string
}

interface Index {
  readonly drop: string
  readonly create: string
}

/**
 * Fills the audit table.
 *
 * @param createInsert creates the statement that inserts the rows with the numbers from `first` to `last`.
 */
export async function insertRows(
  sql: Knex,
  rows: number,
  createInsert: (dialect: Dialect, chunk: { readonly first: number; readonly last: number }) => string,
): Promise<void> {
  const dialect = getDialect(sql)
  // Creating an index afterwards is much faster than updating it for every row.
  const indexes = await dialect.indexes(sql)
  for (const { drop } of indexes) await sql.raw(drop)
  for (let first = 0; first < rows; first += chunkSize) {
    const last = Math.min(first + chunkSize, rows) - 1
    await sql.transaction(async (transaction) => {
      await dialect.prepare(transaction)
      await transaction.raw(createInsert(dialect, { first, last }))
    })
  }
  for (const { create } of indexes) await sql.raw(create)
  await dialect.analyze(sql)
}

export const getDialect = (sql: Knex) => (sql.client.driverName === 'better-sqlite3' ? sqlite : mysql)

const sqlite: Dialect = {
  async indexes(sql) {
    const found = await sql('sqlite_master')
      .where({ type: 'index', tbl_name: 'session_audit' })
      .whereNotNull('sql')
    return found.map(({ name, sql: create }) => ({ drop: `drop index ${name}`, create }))
  },
  async prepare() {},
  async analyze() {},
  time: (seconds, date) => `strftime('%Y-%m-%dT%H:%M:%fZ', unixepoch('${date}') + ${seconds}, 'unixepoch')`,
  text: (...parts) => parts.map((part) => `(${part})`).join(' || '),
  floor: (number) => `cast(${number} as integer)`,
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
  async analyze(sql) {
    await sql.raw('analyze table session_audit')
  },
  time: (seconds, date) =>
    `timestampadd(microsecond, round((${seconds}) * 1000) * 1000, '${date} 00:00:00.000')`,
  text: (...parts) => `concat(${parts.join(', ')})`,
  floor: (number) => `floor(${number})`,
}
