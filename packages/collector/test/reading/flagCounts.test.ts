import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'
import { toStoredTime } from '../../../../test/databases.ts'
import { createCollector, type InProcessCollector, issueToken } from '../support/collector.ts'
import { insertRows } from '../support/rows.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const flags = ['clock_anomaly', 'skew', 'late', 'conflict', 'correction', 'burst', 'self_reported'] as const

describe.each(inject('databaseServers'))('The stored counts of flags, on $name,', (server) => {
  let collector: InProcessCollector
  let token: string
  beforeEach(async () => {
    collector = await createCollector(server)
    token = (await issueToken(collector.store)).token
  })
  afterEach(() => collector.end())

  const now = Math.floor(Date.now() / hour) * hour
  const getSql = () => collector.database.sql
  const read = async (path: string) => {
    const response = await fetch(`${collector.url}/v1/${path}`, {
      headers: { Authorization: `Bearer ${token}` },
    })
    expect(response.status, await response.clone().text()).toBe(200)
    return response.json()
  }
  const span = `from=${now - 60 * day}&to=${now + day}`
  const readCounts = async () => {
    const summary = await read(`summary?${span}&flags=true`)
    return { ...summary.flags, review: summary.totals.needReview }
  }
  /** Reads how many rows the list of each flag has. */
  const readListLengths = async () => {
    const lengths: Record<string, number> = {}
    for (const flag of [...flags, 'review']) {
      const { lapses } = await read(`lapses?${span}&limit=1000&search=flag:${flag}`)
      lengths[flag] = lapses.length
    }
    return lengths
  }
  const purge = (daysAgo: number) =>
    collector.store.retention.purge([{ site: 'acme', before: new Date(now - daysAgo * day) }])
  const readStoredDays = () => getSql()('session_audit_rollup_flags').orderBy('day').pluck('day')
  const readRequests = () => getSql()('session_audit_rollup_recounts')

  /** Inserts the rows of a burst, each with its own user and a late receipt. */
  const insertBurst = (detectedAt: number, firstId = 1) =>
    insertRows(
      getSql(),
      Array.from({ length: 20 }, (_, index) => ({
        id: firstId + index,
        session: `burst-${firstId + index}`,
        subject: `u_${firstId + index}`,
        origin: null,
        detected_at: detectedAt + index * 1_000,
        received_at: toStoredTime(getSql(), detectedAt + 2 * hour),
      })),
    )
  /** Inserts a row, and its correction by the same kind of evidence in another hour. */
  const insertCorrected = (detectedAt: number, daysAgo: readonly [number, number]) =>
    insertRows(
      getSql(),
      daysAgo.map((age, index) => ({
        session: 'corrected',
        id: 100 + index,
        revision: index + 1,
        supersedes: index === 0 ? null : 100,
        detected_at: detectedAt + index * 3 * hour,
        received_at: toStoredTime(getSql(), now - age * day),
      })),
    )

  test('are right after the data of a user was erased', async () => {
    await insertBurst(now - 5 * day)
    await collector.store.rollup.update()
    expect(await readCounts()).toMatchObject({ burst: 20, review: 20, late: 20 })

    await collector.store.erasure.erase({ subject: 'u_7' })
    const lengths = await readListLengths()
    expect(lengths).toMatchObject({ burst: 0, review: 0, late: 20 })
    expect(await readCounts()).toEqual(lengths)

    await collector.store.rollup.update()
    expect(await readRequests()).toEqual([])
    expect(await readCounts()).toEqual(lengths)
  })

  test('are right after a purge of rows that others correct', async () => {
    await insertBurst(now - 5 * day)
    await insertCorrected(now - 30 * day, [20, 9])
    await collector.store.rollup.update()
    expect(await readCounts()).toMatchObject({ conflict: 1, correction: 1, review: 21 })

    expect(await purge(10)).toBe(1)
    const lengths = await readListLengths()
    expect(lengths).toMatchObject({ conflict: 0, correction: 1, review: 20 })
    expect(await readCounts()).toEqual(lengths)

    await collector.store.rollup.update()
    expect(await readRequests()).toEqual([])
    expect(await readCounts()).toEqual(lengths)
  })

  test('are deleted with the last row of a day', async () => {
    await insertBurst(now - 30 * day)
    await insertBurst(now - 5 * day, 50)
    await collector.store.rollup.update()
    expect(await readStoredDays()).toHaveLength(2)

    expect(await purge(10)).toBe(20)
    expect(await readCounts()).toEqual(await readListLengths())
    await collector.store.rollup.update()
    expect(await readStoredDays()).toEqual([Math.floor((now - 5 * day) / day)])
    expect(await readRequests()).toEqual([])
    expect(await readCounts()).toEqual(await readListLengths())
  })

  test('are counted again in more hours than one update handles', async () => {
    const hours = Array.from({ length: 1_100 }, (_, index) => now - 2 * day - index * hour)
    await insertRows(
      getSql(),
      hours.map((detected_at, index) => ({ session: `s-${index}`, detected_at, clock_skew_ms: 90_000 })),
    )
    await collector.store.rollup.update()
    expect(await collector.store.erasure.erase({ subject: 'u_42' })).toMatchObject({ rows: 1_100 })
    expect(await readRequests()).toHaveLength(1_100)
    expect(await readCounts()).toMatchObject({ skew: 1_100, review: 1_100 })
    await collector.store.rollup.update()
    expect(await readRequests()).toEqual([])
    expect(await readCounts()).toMatchObject({ skew: 1_100, review: 1_100 })
  })

  test('are right after several processes updated them at once', async () => {
    await insertBurst(now - 5 * day)
    await collector.store.rollup.update()
    await collector.store.erasure.erase({ subject: 'u_7' })
    await insertBurst(now - 3 * day, 50)
    await Promise.all(Array.from({ length: 3 }, () => collector.store.rollup.update()))
    expect(await readRequests()).toEqual([])
    expect(await readCounts()).toMatchObject({ burst: 20, late: 40 })
    expect(await readCounts()).toEqual(await readListLengths())
  })
})
