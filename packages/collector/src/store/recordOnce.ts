import type { Lapse, Recorded } from '../lapse/row.ts'
import type { AuditTable } from './auditTable.ts'

const attempts = 5
const duplicateCodes = ['ER_DUP_ENTRY', 'SQLITE_CONSTRAINT_UNIQUE']
// Two inserts of one key can wait for each other; the one that the database gives up may try again.
const transientCodes = ['ER_LOCK_DEADLOCK', 'ER_LOCK_WAIT_TIMEOUT']

/**
 * Inserts a row unless its session has one. The unique key decides, not a look beforehand, so that any number of
 * browsers and replicas may report the same session at the same time.
 */
export async function recordOnce(table: AuditTable, lapse: Lapse): Promise<Recorded> {
  for (let attempt = 1; ; attempt++) {
    try {
      const id = await table.insert(lapse)
      return { row: { id, ...lapse }, duplicate: false }
    } catch (error) {
      if (hasCode(error, duplicateCodes)) {
        const row = await table.find(lapse)
        if (row) return { row, duplicate: true }
      } else if (!hasCode(error, transientCodes)) throw error
      if (attempt === attempts) throw error
    }
  }
}

function hasCode(error: unknown, codes: readonly string[]): boolean {
  return error instanceof Error && 'code' in error && codes.includes(String(error.code))
}
