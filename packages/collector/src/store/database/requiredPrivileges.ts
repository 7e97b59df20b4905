import {
  getDashboardSessionTableName,
  getFeedProgressTableName,
  getFeedTableName,
  getFlagDayTableName,
  getForwardTableName,
  getLiveTableName,
  getMigrationTableName,
  getRecountTableName,
  getRefusalTableName,
  getRollupProgressTableName,
  getRollupTableName,
  getSilenceTableName,
  getTokenTableName,
} from './tableName.ts'

const privileges = ['SELECT', 'INSERT', 'UPDATE', 'DELETE'] as const
export type Privilege = (typeof privileges)[number]

/** What an account needs on a table, and for what. */
export interface RequiredPrivileges {
  readonly table: string
  readonly privileges: readonly Privilege[]
  /** Completes "to …". */
  readonly purpose: string
}

/** Lists what `lapse serve` needs on the tables of an audit table. docs/guides/database.md explains it. */
export function listRequiredPrivileges(
  auditTable: string,
  { purges, forwards }: { readonly purges: boolean; readonly forwards: boolean },
): RequiredPrivileges[] {
  const live = (kind: Parameters<typeof getLiveTableName>[1]) => getLiveTableName(auditTable, kind)
  const rollups = [getRollupTableName(auditTable), getRollupProgressTableName(auditTable)]
  const need = (
    purpose: string,
    tables: readonly string[],
    ...needed: readonly Privilege[]
  ): RequiredPrivileges[] => tables.map((table) => ({ table, privileges: needed, purpose }))
  return [
    ...need('record and read rows', [auditTable], 'SELECT', 'INSERT'),
    ...need('check the schema', [getMigrationTableName(auditTable)], 'SELECT'),
    ...need('check tokens', [getTokenTableName(auditTable)], 'SELECT'),
    ...need('watch live sessions', [live('live'), live('logout'), live('collector')], ...privileges),
    ...need('watch live sessions', [live('return')], 'SELECT', 'INSERT'),
    ...need('watch live sessions', [live('disturbance')], 'SELECT', 'UPDATE'),
    ...need('serve summaries fast', rollups, 'SELECT', 'INSERT', 'UPDATE'),
    ...need('serve summaries fast', [getFlagDayTableName(auditTable)], ...privileges),
    ...need('serve summaries fast', [getRecountTableName(auditTable)], 'SELECT', 'INSERT', 'DELETE'),
    ...need('add rows to the feed', [getFeedTableName(auditTable)], 'SELECT', 'INSERT'),
    ...need('add rows to the feed', [getFeedProgressTableName(auditTable)], 'SELECT', 'UPDATE'),
    ...(forwards
      ? need('forward rows', [getForwardTableName(auditTable), 'lapse_leases'], 'SELECT', 'INSERT', 'UPDATE')
      : []),
    ...need('let people sign in to the dashboard', [getDashboardSessionTableName(auditTable)], ...privileges),
    ...need(
      'raise alarms',
      [getRefusalTableName(auditTable), getSilenceTableName(auditTable)],
      ...privileges,
    ),
    ...(purges
      ? [
          ...need('delete old rows', [auditTable, live('return'), getRollupTableName(auditTable)], 'DELETE'),
          ...need('delete old rows', [getFeedTableName(auditTable)], 'DELETE'),
          ...need('delete old rows', ['lapse_leases'], 'SELECT', 'INSERT', 'UPDATE'),
        ]
      : []),
  ]
}
