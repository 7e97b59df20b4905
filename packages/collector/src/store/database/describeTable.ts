import type { Knex } from 'knex'
import { isSqlite } from './isSqlite.ts'
import { findTable } from './mysql/findTable.ts'
import type { TableName } from './tableName.ts'

/** The columns and keys of an existing table. In SQLite, the schema is undefined. */
export interface TableDescription extends TableName {
  readonly columns: readonly ColumnDescription[]
  /** The columns of each unique key. */
  readonly uniqueKeys: readonly (readonly string[])[]
  /** Whether writes to it are rolled back with their transaction. */
  readonly isTransactional: boolean
}

export interface ColumnDescription {
  readonly name: string
  /** In lower case, such as `timestamp`. */
  readonly type: string
  /** The kind of its values: `any` if the database does not enforce one. */
  readonly holds: 'numbers' | 'times' | 'text' | 'enum values' | 'any'
  /** In characters. Null if the length is not limited. */
  readonly maxLength: number | null
  readonly isNullable: boolean
  /** Whether an INSERT may omit it. */
  readonly hasDefault: boolean
  /** Whether it is computed from other columns, so that an INSERT must omit it. */
  readonly isGenerated: boolean
}

/** @returns undefined if the table does not exist, or if the account is not allowed to see it. */
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
  // SQLite ignores the case of names. The description has the name as it is stored.
  const table = await database('sqlite_master').whereRaw('lower(name) = lower(?)', [name.table]).first('name')
  if (!table) return undefined
  const found: SqliteColumn[] = await database.raw('select * from pragma_table_xinfo(?)', [table.name])
  const columns = found.map(({ name: column, type, notnull, dflt_value, pk, hidden }) => ({
    name: column,
    type: type.toLowerCase(),
    holds: 'any' as const,
    maxLength: null,
    isNullable: notnull === 0,
    // An INTEGER PRIMARY KEY is an alias of the row id, which SQLite assigns.
    hasDefault: dflt_value !== null || (pk === 1 && type.toLowerCase() === 'integer'),
    isGenerated: hidden > 1,
  }))
  const keys: { key: string; name: string }[] = await database.raw(
    `select list.name as key, info.name as name
    from pragma_index_list(?) list join pragma_index_info(list.name) info
    where list."unique" = 1 and list.partial = 0 order by list.seq, info.seqno`,
    [table.name],
  )
  return {
    schema: undefined,
    table: table.name,
    columns,
    uniqueKeys: groupColumns(keys),
    isTransactional: true,
  }
}

interface MysqlColumn {
  readonly name: string
  readonly type: string
  readonly maxLength: number | null
  readonly nullable: string
  readonly defaultValue: string | null
  readonly extra: string
  readonly expression: string | null
}

async function describeMysql(database: Knex, name: TableName): Promise<TableDescription | undefined> {
  const query = async <Row>(sql: string, values: readonly (string | null)[]): Promise<Row[]> => {
    const [rows] = await database.raw(sql, [...values])
    return rows
  }
  const found = await findTable(query, name)
  if (!found) return undefined
  const columns = await query<MysqlColumn>(
    `select column_name as name, data_type as type, character_maximum_length as maxLength,
      is_nullable as nullable, column_default as defaultValue, extra as extra, generation_expression as expression
    from information_schema.columns where table_schema = ? and table_name = ? order by ordinal_position`,
    [found.schema, found.table],
  )
  const keys = await query<{ key: string; name: string }>(
    `select index_name as \`key\`, column_name as name from information_schema.statistics
    where table_schema = ? and table_name = ? and non_unique = 0 and column_name is not null
    order by index_name, seq_in_index`,
    [found.schema, found.table],
  )
  return {
    schema: found.schema,
    table: found.table,
    uniqueKeys: groupColumns(keys),
    columns: columns.map(({ name: column, type, maxLength, nullable, defaultValue, extra, expression }) => ({
      name: column,
      type: type.toLowerCase(),
      holds: classifyType(type.toLowerCase()),
      maxLength,
      isNullable: nullable === 'YES',
      hasDefault: defaultValue !== null || /auto_increment/i.test(extra),
      isGenerated: Boolean(expression),
    })),
    // A view has no engine. Its tables are not checked.
    isTransactional: found.transactions === 'YES' || found.transactions === null,
  }
}

/** https://dev.mysql.com/doc/refman/8.4/en/data-types.html */
function classifyType(type: string): ColumnDescription['holds'] {
  if (/int|decimal|float|double|bit|year/.test(type)) return 'numbers'
  if (/date|time/.test(type)) return 'times'
  return type === 'enum' || type === 'set' ? 'enum values' : 'text'
}

function groupColumns(keys: readonly { readonly key: string; readonly name: string }[]): string[][] {
  const columns = Map.groupBy(keys, ({ key }) => key).values()
  return Array.from(columns, (key) => key.map(({ name }) => name))
}
