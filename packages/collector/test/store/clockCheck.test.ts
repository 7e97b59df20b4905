import { expect, onTestFinished, test } from 'vitest'
import { createDatabase } from '../../../../test/databases.ts'
import { openStore, parseConfig } from '../../src/index.ts'
import { createConfig, environment } from '../support/collector.ts'
import { insertRows } from '../support/rows.ts'

const dayMs = 86_400_000

test('The clocks of recent senders reveal a clock that is ahead, even after new reports have arrived', async () => {
  const { sql, url, drop } = await createDatabase({ name: 'SQLite' })
  onTestFinished(drop)
  const config = parseConfig(createConfig(url), environment)
  const store = openStore(config.database, config.table)
  onTestFinished(store.close)
  await store.schema.migrate()
  const now = Date.now()

  async function checkClock(clockSkews: readonly number[]): Promise<string> {
    await sql('session_audit').delete()
    await insertRows(
      sql,
      clockSkews.map((skew, index) => ({
        session: `${index}`,
        detected_at: now - 3_600_000,
        clock_skew_ms: skew,
      })),
    )
    return store.retention.assertClockIsPlausible(new Date(now)).then(
      () => 'plausible',
      (error: Error) => error.message,
    )
  }

  expect(await checkClock([])).toBe('plausible')
  expect(await checkClock([365 * dayMs, 365 * dayMs + 900, 0, 0, 0])).toMatch('it is 365 days ahead')
  expect(await checkClock([365 * dayMs, 200, -900])).toBe('plausible')
  expect(await checkClock([0, 0])).toBe('plausible')
})
