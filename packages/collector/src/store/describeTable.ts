import type { Knex } from 'knex'
import { isSqlite } from './connect.ts'
import type { TableName } from './tableName.ts'

/** A table as the database has it. */
export interface TableDescription {
  /** In MySQL the database that it is in; SQLite has none. */
  readonly schema: string | undefined
  readonly table: string
  readonly columns: readonly ColumnDescription[]
  /** Whether what is written to it can be undone with the rest of a transaction. */
  readonly isTransactional: boolean
}

export interface ColumnDescription {
  readonly name: string
  /** In lower case, such as `timestamp`. */
  readonly type: string
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
    maxLength: null,
    isNullable: notnull === 0,
    // An INTEGER PRIMARY KEY is the row's number.
    hasDefault: dflt_value !== null || (pk === 1 && type.toLowerCase() === 'integer'),
    isGenerated: hidden > 1,
  }))
  return { schema: undefined, table: table.name, columns, isTransactional: true }
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
  return {
    schema: found.schema,
    table: found.table,
    columns: (columns ?? []).map(
      ({ name: column, type, maxLength, nullable, written, extra, expression }) => ({
        name: column,
        type: type.toLowerCase(),
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
