import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { TestDatabase } from './databases.ts'

/** How long a second row may take. Only waiting shows that there is none. */
const settleMs = 500

/** Waits for the only row of the audit table, and then long enough for a second row to arrive. */
export async function expectOneRow(database: TestDatabase): Promise<Record<string, unknown>> {
  await expect.poll(() => database.readRows()).not.toEqual([])
  await sleep(settleMs)
  const rows = await database.readRows()
  expect(rows).toHaveLength(1)
  return rows[0] ?? {}
}

/** Waits long enough for a row to arrive, and expects that the audit table is empty. */
export async function expectNoRow(database: TestDatabase): Promise<void> {
  await sleep(settleMs)
  expect(await database.readRows()).toEqual([])
}
