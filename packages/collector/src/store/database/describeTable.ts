import type { Knex } from 'knex'
import { isSqlite } from './connect.ts'
import type { TableName } from './tableName.ts'

/** A table as the database has it. */
export interface TableDescription {
  /** In MySQL the database that it is in; SQLite has none. */
  readonly schema: string | undefined
  readonly table: string
  readonly columns: readonly ColumnDescription[]
  /** The columns of each key by which no two rows are equal. */
  readonly uniqueKeys: readonly (readonly string[])[]
  /** Whether what is written to it can be undone with the rest of a transaction. */
  readonly isTransactional: boolean
}

export interface ColumnDescription {
  readonly name: string
  /** In lower case, such as `timestamp`. */
  readonly type: string
  /** What its values are; `any` where the database does not insist. */
  readonly holds: 'numbers' | 'times' | 'text' | 'listed text' | 'any'
  /** In characters, of a text whose length is limited. */
  readonly maxLength: number | null
  readonly isNullable: boolean
  /** Filled in by the database when an INSERT does not name it. */
  readonly hasDefault: boolean
  /** Computed from others: an INSERT may not name it. */
  readonly isGenerated: boolean
}

/** Looks a table up, or finds nothing: it is not there, or the account may not see it. */
export function describeTable(database: Knex, name: TableName): Promise<TableDescription | undefined> {
  return isSqlite(database) ? describeSqlite(database, name) : describeMysql(database, name)
}

interface SqliteColumn {
  readonly name: string
  readonly type: string
  readonly notnull: number
  readonly dflt_value: string | null
  readonly pk: number
  /** 2 and 3 mark generated columns: https://sqlite.org/pragma.html#pragma_table_xinfo */
  readonly hidden: number
}

async function describeSqlite(database: Knex, name: TableName): Promise<TableDescription | undefined> {
  if (name.schema && name.schema.toLowerCase() !== 'main') return undefined
  // SQLite takes a name in any case for the same; here each table has one.
  const table = await database('sqlite_master').whereRaw('lower(name) = lower(?)', [name.table]).first('name')
  if (!table) return undefined
  const found: SqliteColumn[] = await database.raw('select * from pragma_table_xinfo(?)', [table.name])
  const columns = found.map(({ name: column, type, notnull, dflt_value, pk, hidden }) => ({
    name: column,
    type: type.toLowerCase(),
    holds: 'any' as const,
    maxLength: null,
    isNullable: notnull === 0,
    // An INTEGER PRIMARY KEY is the row's number.
    hasDefault: dflt_value !== null || (pk === 1 && type.toLowerCase() === 'integer'),
    isGenerated: hidden > 1,
  }))
  const keys: { key: string; name: string }[] = await database.raw(
    `select list.name as key, info.name as name
    from pragma_index_list(?) list join pragma_index_info(list.name) info
    where list."unique" = 1 and list.partial = 0 order by list.seq, info.seqno`,
    [table.name],
  )
  return { schema: undefined, table: table.name, columns, uniqueKeys: grouped(keys), isTransactional: true }
}

interface MysqlColumn {
  readonly name: string
  readonly type: string
  readonly maxLength: number | null
  readonly nullable: string
  readonly written: string | null
  readonly extra: string
  readonly expression: string | null
}

async function describeMysql(database: Knex, name: TableName): Promise<TableDescription | undefined> {
  const [[found]] = await database.raw(
    `select t.table_schema as \`schema\`, t.table_name as \`table\`, e.transactions as transactions
    from information_schema.tables t left join information_schema.engines e on e.engine = t.engine
    where t.table_schema = coalesce(?, database()) and t.table_name = ?`,
    [name.schema ?? null, name.table],
  )
  if (!found) return undefined
  const [columns]: MysqlColumn[][] = await database.raw(
    `select column_name as name, data_type as type, character_maximum_length as maxLength,
      is_nullable as nullable, column_default as written, extra as extra, generation_expression as expression
    from information_schema.columns where table_schema = ? and table_name = ? order by ordinal_position`,
    [found.schema, found.table],
  )
  const [keys]: { key: string; name: string }[][] = await database.raw(
    `select index_name as \`key\`, column_name as name from information_schema.statistics
    where table_schema = ? and table_name = ? and non_unique = 0 and column_name is not null
    order by index_name, seq_in_index`,
    [found.schema, found.table],
  )
  return {
    schema: found.schema,
    table: found.table,
    uniqueKeys: grouped(keys ?? []),
    columns: (columns ?? []).map(
      ({ name: column, type, maxLength, nullable, written, extra, expression }) => ({
        name: column,
        type: type.toLowerCase(),
        holds: heldBy(type.toLowerCase()),
        maxLength,
        isNullable: nullable === 'YES',
        hasDefault: written !== null || /auto_increment/i.test(extra),
        isGenerated: Boolean(expression),
      }),
    ),
    // A view has no engine of its own.
    isTransactional: found.transactions === 'YES' || found.transactions === null,
  }
}

/** https://dev.mysql.com/doc/refman/8.4/en/data-types.html */
function heldBy(type: string): ColumnDescription['holds'] {
  if (/int|decimal|float|double|bit|year/.test(type)) return 'numbers'
  if (/date|time/.test(type)) return 'times'
  return type === 'enum' || type === 'set' ? 'listed text' : 'text'
}

function grouped(keys: readonly { readonly key: string; readonly name: string }[]): string[][] {
  const columns = Map.groupBy(keys, ({ key }) => key).values()
  return Array.from(columns, (key) => key.map(({ name }) => name))
}
