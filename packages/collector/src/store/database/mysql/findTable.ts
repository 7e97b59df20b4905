import type { TableName } from '../tableName.ts'

/** A table of MySQL or MariaDB. */
interface FoundTable extends TableName {
  readonly schema: string
  /** `null` for a view. */
  readonly engine: string | null
  /** Whether its engine has transactions: `YES`, `NO`, or `null` when the engine is unknown, as for a view. */
  readonly transactions: string | null
}

/** Runs a statement and resolves to its rows. The caller names their type. */
type RunQuery = <Row>(sql: string, values: readonly (string | null)[]) => Promise<Row[]>

/** @returns undefined if the table does not exist, or if the account is not allowed to see it. */
export async function findTable(
  query: RunQuery,
  { schema, table }: TableName,
): Promise<FoundTable | undefined> {
  const [found] = await query<FoundTable>(
    `select t.table_schema as \`schema\`, t.table_name as \`table\`, t.engine as engine, e.transactions as transactions
    from information_schema.tables t left join information_schema.engines e on e.engine = t.engine
    where t.table_schema = coalesce(?, database()) and t.table_name = ?`,
    [schema ?? null, table],
  )
  return found
}
