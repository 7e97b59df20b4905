import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import type { TestDatabase } from './databases.ts'

/** Waits for a row, and then long enough that a second one would have come. */
export async function onlyRowOf(database: TestDatabase): Promise<Record<string, unknown>> {
  await expect.poll(() => database.rows()).not.toEqual([])
  await sleep(500)
  const rows = await database.rows()
  expect(rows).toHaveLength(1)
  return rows[0] ?? {}
}

/** Waits long enough that a row would have come. */
export async function expectNoRowOf(database: TestDatabase): Promise<void> {
  await sleep(500)
  expect(await database.rows()).toEqual([])
}
