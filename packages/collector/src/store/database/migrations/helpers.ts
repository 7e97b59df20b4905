import type { Knex } from 'knex'

// Frozen: migrations 0001 to 0008 have run with exactly this code. Never edit it. A migration that needs something else
// contains it, or brings a new file of helpers.

/** An audit table and the schema that all its tables are in: the connection's own if undefined. */
export interface TableName {
  readonly schema: string | undefined
  readonly table: string
}

function isSqlite(database: Knex): boolean {
  return database.client.driverName === 'better-sqlite3'
}

export function schemaBuilder(database: Knex, { schema }: TableName): Knex.SchemaBuilder {
  return schema ? database.schema.withSchema(schema) : database.schema
}

export function qualify({ schema }: TableName, name: string): string {
  return schema ? `${schema}.${name}` : name
}

/**
 * Returns a function from a length in characters to the type of a text column. Ids are compared byte for byte: the
 * default collations of MySQL and MariaDB consider `a1F` and `A1f` equal, and their older `_bin` collations consider `a`
 * and `a ` equal.
 */
export async function textType(database: Knex): Promise<(length: number) => string> {
  if (isSqlite(database)) return () => 'text'
  const [[{ version }]] = await database.raw('select version() as version')
  const collation = /mariadb/i.test(version) ? 'utf8mb4_nopad_bin' : 'utf8mb4_0900_bin'
  return (length) => `varchar(${length}) character set utf8mb4 collate ${collation}`
}

/**
 * Creates the indexes that do not exist yet, while others may write to the table.
 *
 * @param indexes the columns of each index by the suffix of its name.
 */
export async function createIndexes(
  database: Knex,
  tableName: TableName,
  indexes: Readonly<Record<string, readonly string[]>>,
): Promise<void> {
  for (const [suffix, columns] of Object.entries(indexes))
    await createIndex(database, tableName, 'index', suffix, columns)
}

/** Creates a unique index if it does not exist yet. */
export async function createUniqueIndex(
  database: Knex,
  tableName: TableName,
  suffix: string,
  columns: readonly string[],
): Promise<void> {
  await createIndex(database, tableName, 'unique index', suffix, columns)
}

async function createIndex(
  database: Knex,
  tableName: TableName,
  kind: 'index' | 'unique index',
  suffix: string,
  columns: readonly string[],
): Promise<void> {
  const ifNotExists = isSqlite(database) ? 'if not exists ' : ''
  const bindings = [`${tableName.table}_${suffix}`, qualify(tableName, tableName.table), [...columns]]
  await database
    .raw(`create ${kind} ${ifNotExists}?? on ?? (??)`, bindings)
    .catch(ignoreCode('ER_DUP_KEYNAME'))
}

/** Drops an index if it exists. */
export async function dropIndex(database: Knex, tableName: TableName, suffix: string): Promise<void> {
  const index = `${tableName.table}_${suffix}`
  if (isSqlite(database)) await database.raw('drop index if exists ??', [index])
  else
    await database
      .raw('drop index ?? on ??', [index, qualify(tableName, tableName.table)])
      .catch(ignoreCode('ER_CANT_DROP_FIELD_OR_KEY'))
}

/** MySQL has no `if not exists` and no `if exists` for indexes. */
function ignoreCode(code: string): (error: unknown) => void {
  return (error) => {
    if (!(error instanceof Error && 'code' in error && error.code === code)) throw error
  }
}
