import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../../../test/databases.ts'
import { openStore, parseConfig, type Store } from '../../src/index.ts'
import { createConfig, environment } from '../support/collector.ts'
import { createLiveRow, type LiveRowChanges } from '../support/liveRows.ts'

describe.each(inject('databaseServers'))('Marks of collectors on $name', (server) => {
  let database: TestDatabase
  let store: Store
  const id = randomUUID()
  beforeEach(async () => {
    database = await createDatabase(server)
    const config = parseConfig(createConfig(database.url), environment)
    store = openStore(config.database, config.table)
    await store.schema.migrate()
  })
  afterEach(async () => {
    await store.close()
    await database.drop()
  })

  const mark = (changes: Partial<Parameters<Store['marks']['mark']>[0]> = {}) =>
    store.marks.mark({ id, hasUnstoredActivity: false, judgesOthers: true, ...changes })

  const insertLive = (changes: LiveRowChanges = {}) =>
    database.sql('session_live').insert(createLiveRow(database.sql, changes))

  /** Inserts the mark of another collector. */
  async function insertMark(ageMs: number, changes: Record<string, unknown> = {}): Promise<string> {
    const { databaseTime } = await mark()
    await database.sql('session_collector').where({ id }).delete()
    const other = randomUUID()
    const at = databaseTime - ageMs
    await database
      .sql('session_collector')
      .insert({ id: other, started_at: at, marked_at: at, stopped_at: null, ...changes })
    await database.sql('session_disturbance').update({ disturbed_at: 0 })
    return other
  }

  const readDisturbedAt = async () => Number((await database.sql('session_disturbance').first()).disturbed_at)
  const readIds = async () => (await database.sql('session_collector').select('id')).map((row) => row.id)

  test('agree with the clock of the database, and are kept by process', async () => {
    const first = await mark()
    expect(Math.abs(first.databaseTime - Date.now())).toBeLessThan(2_000)
    expect(first.disturbances).toEqual([])
    await sleep(20)
    const second = await mark()
    expect(second.databaseTime).toBeGreaterThan(first.databaseTime)
    const rows = await database.sql('session_collector')
    expect(rows).toEqual([
      { id, started_at: expect.anything(), marked_at: expect.anything(), stopped_at: null },
    ])
    expect(Number(rows[0].marked_at)).toBe(second.databaseTime)
    expect(Number(rows[0].started_at)).toBe(first.databaseTime)
    expect(await readDisturbedAt()).toBe(0)
  })

  test('note a gap that is longer than the smallest heartbeat', async () => {
    await insertLive({ heartbeat_seconds: 300 })
    await insertLive({ heartbeat_seconds: 60 })
    await insertMark(59_000, { stopped_at: 1 })
    expect((await mark()).disturbances).toEqual([])
    expect(await readDisturbedAt()).toBe(0)
    await insertMark(61_000, { stopped_at: 1 })
    const { databaseTime, disturbances } = await mark()
    expect(disturbances).toEqual([{ kind: 'gap', gapMs: expect.closeTo(61_000, -4) }])
    expect(await readDisturbedAt()).toBe(databaseTime)
  })

  test('note a gap of more than three marks if a session has no heartbeat', async () => {
    await insertMark(2_000, { stopped_at: 1 })
    await insertLive()
    expect((await mark()).disturbances).toEqual([])
    await insertMark(4_000, { stopped_at: 1 })
    expect((await mark()).disturbances).toMatchObject([{ kind: 'gap' }])
  })

  test('note a collector that stops without a sign-off, once', async () => {
    const lost = await insertMark(3_500)
    const waiting = await mark({ judgesOthers: false })
    expect(waiting.disturbances).toEqual([])
    expect(await readIds()).toHaveLength(2)
    const { databaseTime, disturbances } = await mark()
    expect(disturbances).toEqual([{ kind: 'lost', ids: [lost] }])
    expect(await readDisturbedAt()).toBe(databaseTime)
    expect(await readIds()).toEqual([id])
    expect((await mark()).disturbances).toEqual([])
  })

  test('note one disturbance when a collector crashes and nobody takes over, or else the sweep would wait twice', async () => {
    await insertLive()
    await insertMark(5_000)
    expect((await mark({ judgesOthers: false })).disturbances).toMatchObject([{ kind: 'gap' }])
    expect(await readIds()).toEqual([id])
    expect((await mark()).disturbances).toEqual([])
  })

  test('note nothing when a collector stops with a sign-off', async () => {
    await mark()
    await store.marks.signOff({ id, hasUnstoredActivity: false })
    expect(await database.sql('session_collector').first()).toMatchObject({ stopped_at: expect.anything() })
    const next = randomUUID()
    expect((await mark({ id: next })).disturbances).toEqual([])
    expect(await readIds()).toEqual([next])
    expect(await readDisturbedAt()).toBe(0)
  })

  test('note activity that could not be stored, also at the sign-off', async () => {
    const { databaseTime } = await mark({ hasUnstoredActivity: true })
    expect(await readDisturbedAt()).toBe(databaseTime)
    await sleep(20)
    await store.marks.signOff({ id, hasUnstoredActivity: true })
    expect(await readDisturbedAt()).toBeGreaterThan(databaseTime)
  })

  test('correct a disturbance that is in the future, because the clock was set back', async () => {
    await database.sql('session_disturbance').update({ disturbed_at: Date.now() + 3_600_000 })
    const { databaseTime } = await mark()
    expect(await readDisturbedAt()).toBe(databaseTime)
  })

  describe('and the sweep', () => {
    const sweep = () => store.sweep.sweepChunk({ collectorId: id, after: undefined })
    const countLive = async () => (await database.sql('session_live')).length

    test('does nothing before this collector has marked itself', async () => {
      await insertLive()
      expect((await sweep()).rows).toEqual([])
      await mark()
      expect((await sweep()).rows).toHaveLength(1)
    })

    test('does nothing while the mark of this collector is stale', async () => {
      await mark()
      await insertLive({ wait_ms: 0 })
      await sleep(3_100)
      // Another collector is running.
      await store.marks.mark({ id: randomUUID(), hasUnstoredActivity: false, judgesOthers: false })
      expect((await sweep()).rows).toEqual([])
      await mark()
      expect((await sweep()).rows).toHaveLength(1)
    })

    test('waits for each session as long as it needs after a disturbance', async () => {
      await insertLive({ wait_ms: 1_000 })
      await insertLive({ wait_ms: 600_000 })
      await mark({ hasUnstoredActivity: true })
      expect((await sweep()).rows).toEqual([])
      await sleep(1_100)
      expect((await sweep()).rows).toHaveLength(1)
      expect(await countLive()).toBe(1)
    })

    test('records sessions in chunks, in the order in which they expire, until nothing is due', async () => {
      for (let count = 0; count < 1200; count++) await insertLive({ due_ms: -3_600_000 - count * 10 })
      await insertLive({ due_ms: 600_000 })
      await mark()
      const detected: number[] = []
      let after: Parameters<Store['sweep']['sweepChunk']>[0]['after']
      do {
        const chunk = await store.sweep.sweepChunk({ collectorId: id, after })
        detected.push(...chunk.rows.map(({ detectedAt }) => detectedAt.getTime()))
        after = chunk.next
        await mark()
      } while (after)
      expect(detected).toHaveLength(1200)
      expect(detected).toEqual(detected.toSorted((a, b) => a - b))
      expect(await countLive()).toBe(1)
      expect(await database.readRows()).toHaveLength(1200)
    })
  })
})
