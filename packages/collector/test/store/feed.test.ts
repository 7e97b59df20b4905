import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test, vi } from 'vitest'
import { createDatabase, type TestDatabase, toStoredTime } from '../../../../test/databases.ts'
import { openStore, parseConfig, type Store } from '../../src/index.ts'
import { beginningOfFeed, type FeedPosition, toFeedPosition } from '../../src/reading/feed.ts'
import type { SessionEndSelection } from '../../src/reading/filter.ts'
import { createConfig, environment } from '../support/collector.ts'
import { insertRows } from '../support/rows.ts'

const at = Date.UTC(2026, 0, 2, 12)
const dayMs = 86_400_000

describe.each(inject('databaseServers'))('The feed on $name', (server) => {
  let database: TestDatabase
  let store: Store
  let lastId = 0
  beforeAll(async () => {
    database = await createDatabase(server)
    store = open()
    await store.schema.migrate()
  })
  afterAll(async () => {
    await store.close()
    await database.drop()
  })

  function open(): Store {
    const { database: location, table } = parseConfig(createConfig(database.url), environment)
    return openStore(location, table)
  }

  /** Opens the store of another process. */
  function openAnother(): Store {
    const another = open()
    onTestFinished(another.close)
    return another
  }

  type Row = Parameters<typeof insertRows>[1][number]
  const insert = (...rows: (Omit<Row, 'session' | 'detected_at'> & { readonly id: number })[]) =>
    insertRows(
      database.sql,
      rows.map((row) => ({ session: `s${row.id}`, detected_at: at, revision: 1, supersedes: null, ...row })),
    )
  /** Inserts a row that corrects another one. */
  const insertCorrection = (id: number, supersedes: number, columns: object = {}) =>
    insert({ id, supersedes, revision: id, ...columns })
  /** Reserves ids above those of all earlier tests. */
  function reserveIds(count = 1_000): number {
    lastId += count
    return lastId - count + 1
  }

  /** Reads to the end of the feed, and checks that pages of any size contain the same rows. */
  async function readIds(after: FeedPosition, selection: SessionEndSelection = {}): Promise<number[]> {
    const pages = []
    for (const limit of [1_000, 2]) {
      const ids: number[] = []
      let next = after
      for (let isAtEnd = false; !isAtEnd; ) {
        const page = await store.feed.read(selection, { after: next, limit })
        expect(page.next).toBeGreaterThanOrEqual(next)
        ids.push(...page.rows.map(({ id }) => id))
        next = page.next
        isAtEnd = page.isAtEnd
      }
      expect(next).toBe(await store.feed.readEnd())
      pages.push(ids)
    }
    expect(pages[1]).toEqual(pages[0])
    return pages[0] ?? []
  }

  const readFeedTable = (): Promise<{ position: number; audit_id: number }[]> =>
    database.sql('session_audit_feed').orderBy('position')

  test('starts with the rows that existed before it, and has no end until they are all in it', async () => {
    const first = reserveIds(5_000)
    await database.sql.schema.dropTable('session_audit_feed').dropTable('session_audit_feed_progress')
    await database.sql('session_audit_migrations').where('name', 'like', '%_feed%').delete()
    const ids = Array.from({ length: 2_500 }, (_, index) => first + 2 * index)
    await insert(...ids.map((id) => ({ id })))
    // Its row has a higher id than its correction, and is in a later chunk.
    const corrected = first + 2 * 2_400
    await insertCorrection(first + 1, corrected)
    await openAnother().schema.migrate()

    await expect(store.feed.readEnd()).rejects.toMatchObject({ code: 'unavailable' })
    expect(await store.feed.readWaitingSince()).toEqual(new Date(at))
    const stopping = AbortSignal.abort()
    await store.feedSequencer.numberRows(stopping)
    await expect(store.feed.readEnd()).rejects.toMatchObject({ code: 'unavailable' })
    await store.feedSequencer.numberRows()
    const { rows } = await store.feed.read({}, { after: beginningOfFeed, limit: 3 })
    expect(rows.map(({ id }) => id)).toEqual([first, corrected, first + 1])
    expect(rows).toMatchObject([
      {},
      { supersededBy: first + 1 },
      { supersedes: corrected, needsReview: true },
    ])
    expect((await readFeedTable()).map(({ position }) => Number(position))).toEqual(
      Array.from({ length: 2_501 }, (_, index) => index + 1),
    )
    expect(await store.feed.readWaitingSince()).toBeUndefined()

    // A purge can delete the last of the existing rows before they get a position.
    const progress = database.sql('session_audit_feed_progress')
    const { position, up_to_id: last } = await progress.clone().first()
    await progress.clone().update({ existing_up_to_id: Number(last) + 10 })
    expect(await store.feed.readEnd()).toBe(Number(position))
    await insert({ id: Number(last) + 10 })
    await expect(store.feed.readEnd()).rejects.toMatchObject({ code: 'unavailable' })
    await store.feedSequencer.numberRows()
    expect(await store.feed.readEnd()).toBe(Number(position) + 1)
  })

  test.skipIf(server.url === undefined)(
    'has a row of a transaction that stays open while rows with higher ids are committed, after these',
    async () => {
      const id = reserveIds()
      const end = await store.feed.readEnd()
      const transaction = await database.sql.transaction()
      await transaction.raw(
        'insert into session_audit (id, site, session_key, session, reason, evidence, detected_by, detected_at, received_at, clock_skew_ms) ' +
          "values (?, 'acme', 'open', 'open', 'idle_timeout', 'server', 'server', ?, ?, 0)",
        [id, new Date(at), new Date(at)],
      )
      await insert({ id: id + 1 }, { id: id + 2 })
      await store.feedSequencer.numberRows()
      expect(await readIds(end)).toEqual([id + 1, id + 2])
      const seen = await store.feed.readEnd()
      await transaction.commit()
      await store.feedSequencer.numberRows()
      expect(await readIds(seen)).toEqual([id])
      expect(await readIds(end)).toEqual([id + 1, id + 2, id])
    },
  )

  test('has rows that are committed very late: after 50 minutes, and before a process started', async () => {
    const id = reserveIds(200_000)
    vi.useFakeTimers({ toFake: ['performance'] })
    onTestFinished(() => void vi.useRealTimers())
    const sequencer = openAnother().feedSequencer
    const numberAfter = (minutes: number) => {
      vi.advanceTimersByTime(minutes * 60_000)
      return sequencer.numberRows()
    }
    await insert({ id: id + 40_000 })
    await numberAfter(0)
    await insert({ id: id + 100_000 })
    await numberAfter(1)
    let end = await store.feed.readEnd()

    await insert({ id: id + 99_999 })
    await numberAfter(0)
    expect(await readIds(end)).toEqual([id + 99_999])
    end = await store.feed.readEnd()

    await insert({ id: id + 60_000 })
    await numberAfter(10)
    expect(await readIds(end)).toEqual([id + 60_000])
    end = await store.feed.readEnd()

    await insert({ id: id + 1 })
    await numberAfter(5)
    expect(await readIds(end)).toEqual([])
    await numberAfter(50)
    for (let runs = 0; runs < 10; runs++) await numberAfter(0)
    expect(await readIds(end)).toEqual([id + 1])
    end = await store.feed.readEnd()

    await insert({ id: id + 2 })
    await openAnother().feedSequencer.numberRows()
    expect(await readIds(end)).toEqual([id + 2])
  })

  test('has each correction after the row that it corrects, whatever their ids', async () => {
    const id = reserveIds()
    const end = await store.feed.readEnd()
    await insert({ id: id + 9 }, { id: id + 500 })
    await insertCorrection(id + 5, id + 9)
    await insertCorrection(id + 7, id + 5)
    await insertCorrection(id + 1, id + 7)
    await insertCorrection(id + 501, id + 500)
    await store.feedSequencer.numberRows()
    expect(await readIds(end)).toEqual([id + 9, id + 5, id + 7, id + 1, id + 500, id + 501])
  })

  test('filters rows, and contains the corrections of rows that match', async () => {
    const id = reserveIds()
    const end = await store.feed.readEnd()
    await insert(
      { id, subject: 'u_1' },
      { id: id + 1, reason: 'logout', subject: 'u_1' },
      { id: id + 2, site: 'other', subject: 'u_1' },
      { id: id + 3, subject: 'u_2' },
    )
    await insertCorrection(id + 4, id, { reason: 'revoked', subject: 'u_1' })
    await insertCorrection(id + 5, id + 1, { reason: 'revoked', subject: 'u_1' })
    await insertCorrection(id + 6, id + 4, { reason: 'revoked', subject: 'u_1' })
    await store.feedSequencer.numberRows()
    const selection = { site: 'acme', subject: 'u_1', reason: 'idle_timeout' } as const
    const matching = [id, id + 4, id + 6]
    expect(await readIds(end, selection)).toEqual(matching)
    expect(await readIds(end, { ...selection, revisions: 'current' })).toEqual(matching)
    expect(await readIds(end, { site: 'other' })).toEqual([id + 2])
    expect(await readIds(end, { from: new Date(at + 1) })).toEqual([])
  })

  test('contains all later rows of a session once one of them matches', async () => {
    const id = reserveIds(10_000)
    const end = await store.feed.readEnd()
    // A session has at most 33 rows.
    const chain = Array.from({ length: 33 }, (_, index) => ({
      id: id + index,
      session_key: `chain ${id}`,
      revision: index + 1,
      supersedes: index === 0 ? null : id + index - 1,
      reason: index === 5 ? 'idle_timeout' : 'ended_early',
    }))
    await insert(...chain)
    // Many corrections that do not match, before one row that does.
    const others = Array.from({ length: 600 }, (_, index) => id + 100 + 2 * index)
    await insert(...others.map((each) => ({ id: each, reason: 'logout' })))
    await insert(
      ...others.map((each) => ({ id: each + 1, supersedes: each, revision: 2, reason: 'revoked' })),
      { id: id + 9_000, reason: 'idle_timeout' },
    )
    await store.feedSequencer.numberRows()
    const expected = [...chain.slice(5).map((row) => row.id), id + 9_000]
    expect(await readIds(end, { reason: 'idle_timeout' })).toEqual(expected)
  })

  test('gives each row one position, however many processes number rows while others are inserted', async () => {
    const first = reserveIds(2_000)
    const end = await store.feed.readEnd()
    const sequencers = [openAnother(), openAnother(), openAnother()].map(({ feedSequencer }) => feedSequencer)
    let isDone = false
    const numbering = sequencers.map(async (sequencer) => {
      while (!isDone) {
        await sequencer.numberRows()
        await sleep(5)
      }
      await sequencer.numberRows()
    })
    // The ids of a cluster's nodes interleave.
    for (let start = 0; start < 600; start += 20)
      for (const offset of [1, 0])
        await insert(
          ...Array.from({ length: 10 }, (_, index) => ({ id: first + start + 2 * index + offset })),
        )
    isDone = true
    await Promise.all(numbering)
    const added = (await readFeedTable()).filter(({ position }) => position > end)
    expect(added.map(({ position }) => Number(position))).toEqual(
      Array.from({ length: 600 }, (_, index) => end + index + 1),
    )
    expect((await readIds(end)).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 600 }, (_, index) => first + index),
    )
  })

  test('loses the rows that a purge deletes, also one of an earlier version, and readers continue', async () => {
    const id = reserveIds()
    const end = await store.feed.readEnd()
    const receivedAt = toStoredTime(database.sql, at - 30 * dayMs)
    await insert({ id, received_at: receivedAt }, { id: id + 1, received_at: receivedAt }, { id: id + 2 })
    await store.feedSequencer.numberRows()
    const { next } = await store.feed.read({}, { after: end, limit: 1 })
    await database
      .sql('session_audit')
      .where({ id: id + 1 })
      .delete()
    expect(await store.retention.purge([{ site: 'acme', before: new Date(at - 10 * dayMs) }])).toBe(1)
    expect(await readIds(next)).toEqual([id + 2])
    expect((await readFeedTable()).map((row) => Number(row.audit_id))).not.toContain(id)
    await insert({ id: id + 3 })
    await store.feedSequencer.numberRows()
    expect(await readIds(next)).toEqual([id + 2, id + 3])
  })

  test('refuses a position that it has not reached', async () => {
    const end = await store.feed.readEnd()
    const ahead = store.feed.read({}, { after: toFeedPosition(end + 1), limit: 10 })
    await expect(ahead).rejects.toMatchObject({ code: 'position-unknown' })
    expect(await store.feed.read({}, { after: end, limit: 10 })).toEqual({
      rows: [],
      next: end,
      isAtEnd: true,
    })
  })

  test('waits until a node that lags behind has a position', async () => {
    const id = reserveIds()
    const end = await store.feed.readEnd()
    const ahead = store.feed.read({}, { after: toFeedPosition(end + 1), limit: 10 })
    await insert({ id }, { id: id + 1 })
    await store.feedSequencer.numberRows()
    expect((await ahead).rows).toMatchObject([{ id: id + 1 }])
  })
})
