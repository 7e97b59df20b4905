import { qualify, rollupStateTable, rollupTable, splitTableName } from '../database/tableName.ts'

interface RollupTables {
  /** One row of counts for each day, site, reason and evidence. */
  readonly days: string
  /** A single row with `up_to_id`: the last row of the audit table that is counted. */
  readonly state: string
}

export function rollupTables(tableName: string): RollupTables {
  const auditTable = splitTableName(tableName)
  return {
    days: qualify(auditTable, rollupTable(auditTable.table)),
    state: qualify(auditTable, rollupStateTable(auditTable.table)),
  }
}
