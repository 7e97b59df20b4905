import {
  getFlagDayTableName,
  getLiveTableName,
  getRecountTableName,
  getRollupProgressTableName,
  getRollupTableName,
  qualify,
  splitTableName,
} from '../database/tableName.ts'

interface RollupTables {
  /** One row of counts for each day, site, reason and evidence. */
  readonly days: string
  /** One row of flag counts for each day and site that has rows. */
  readonly flagDays: string
  /** The hours whose flags have to be counted again, see `requestRecount`. */
  readonly recounts: string
  /** A single row, see `RollupProgress`. */
  readonly progress: string
  /** When users came back after timeouts that the sweep recorded. */
  readonly returns: string
}

export function getRollupTableNames(tableName: string): RollupTables {
  const auditTable = splitTableName(tableName)
  return {
    days: qualify(auditTable, getRollupTableName(auditTable.table)),
    flagDays: qualify(auditTable, getFlagDayTableName(auditTable.table)),
    recounts: qualify(auditTable, getRecountTableName(auditTable.table)),
    progress: qualify(auditTable, getRollupProgressTableName(auditTable.table)),
    returns: qualify(auditTable, getLiveTableName(auditTable.table, 'return')),
  }
}

/**
 * What the rollup counts: the rows up to one id that no row up to that id supersedes, with the returns up to another
 * id. So it does not depend on the order in which rows, corrections and returns are added.
 */
export interface RollupProgress {
  /** The last row of the audit table that is counted. */
  readonly upToId: number
  /** The last return that is counted. */
  readonly upToReturnId: number
  /** The last row of the audit table for which the days that it changes have counts of flags. */
  readonly flagsUpToId: number
  /** How often the counts of flags were changed. */
  readonly flagUpdates: number
}
