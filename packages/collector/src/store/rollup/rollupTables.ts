import {
  getRollupStateTableName,
  getRollupTableName,
  qualify,
  splitTableName,
} from '../database/tableName.ts'

interface RollupTables {
  /** One row of counts for each day, site, reason and evidence. */
  readonly days: string
  /** A single row with `up_to_id`: the last row of the audit table that is counted. */
  readonly state: string
}

export function getRollupTableNames(tableName: string): RollupTables {
  const auditTable = splitTableName(tableName)
  return {
    days: qualify(auditTable, getRollupTableName(auditTable.table)),
    state: qualify(auditTable, getRollupStateTableName(auditTable.table)),
  }
}
