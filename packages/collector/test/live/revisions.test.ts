import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { readStoredTime, toStoredTime } from '../../../../test/databases.ts'
import { insertRows } from '../support/rows.ts'
import {
  createActivity,
  createEnd,
  createSessionCollector,
  minute,
  type SessionCollector,
  signTicket,
} from '../support/sessionCollector.ts'

describe.each(inject('databaseServers'))('The current row of a session, on $name,', (server) => {
  let collector: SessionCollector
  beforeAll(async () => {
    collector = await createSessionCollector(server)
  })
  afterAll(() => collector.end())

  const now = () => Date.now()
  const createFirst = (changes: object = {}) =>
    createActivity({ lastAccessAt: now() - 40 * minute, ...changes })
  const superseded = { status: 201, body: { duplicate: false } }
  const duplicate = { status: 200, body: { duplicate: true } }

  /** Stores what the sweep records 20 minutes ago, with a slack of five minutes. */
  async function insertSweptRow(activity: Record<string, unknown>): Promise<Date> {
    const { sql } = collector.database
    const lastAccess = now() - 55 * minute
    await insertRows(sql, [
      {
        session: String(activity.session),
        marker: String(activity.marker),
        detected_by: 'sweep',
        last_access_at: toStoredTime(sql, lastAccess),
        expired_at: toStoredTime(sql, lastAccess + 30 * minute),
        detected_at: lastAccess + 35 * minute,
        clock_skew_ms: 0,
        ip: null,
      },
    ])
    return new Date(lastAccess)
  }

  const readReturns = async (session: unknown) => {
    const ids = (await collector.findRows(session)).map(({ id }) => Number(id))
    return collector.database.sql('session_return').whereIn('audit_id', ids)
  }

  test('is superseded by a later use, and the row itself never changes', async () => {
    const activity = createFirst()
    const { body: first } = await collector.endSession(createEnd(activity))
    const [before] = await collector.findRows(activity.session)
    const later = createEnd(activity, { lastAccessAt: now() - 5 * minute })
    expect(await collector.endSession(later)).toMatchObject(superseded)
    expect(await collector.endSession(later)).toMatchObject(duplicate)
    expect(await collector.endSession(createEnd(activity))).toMatchObject(duplicate)
    const rows = await collector.findRows(activity.session)
    expect(rows[0]).toEqual(before)
    expect(rows.slice(1)).toMatchObject([{ revision: 2, supersedes: first.id, reason: 'ended_early' }])
  })

  test('is not superseded by a use that is later within the grace, or by a slow request', async () => {
    const activity = createFirst()
    await collector.endSession(createEnd(activity))
    const within = createEnd(activity, { lastAccessAt: Number(activity.lastAccessAt) + 9_000 })
    expect(await collector.endSession(within)).toMatchObject(duplicate)
    const slow = createEnd(activity, { detectedAt: now() - 50_000, sentAt: now() - 50_000 })
    expect(await collector.endSession(slow)).toMatchObject(duplicate)
  })

  test('is not superseded by weaker evidence', async () => {
    const activity = createFirst()
    await collector.endSession(createEnd(activity, { ticket: await signTicket({ sid: activity.session }) }))
    const forged = createEnd(activity, { marker: randomUUID(), subject: 'u_666', lastAccessAt: now() })
    expect(await collector.endSession(forged)).toMatchObject(duplicate)
    expect(await collector.findRows(activity.session)).toMatchObject([
      { subject: 'u_42', evidence: 'signed' },
    ])
  })

  test('is superseded by stronger evidence with another reason', async () => {
    const activity = createFirst({ lastAccessAt: now() - minute })
    await collector.endSession(createEnd(activity))
    const answer = await collector.endSessionByServer({ session: activity.session, reason: 'revoked' })
    expect(answer).toMatchObject({ status: 201, body: { reason: 'revoked' } })
  })

  test('remains, if it is a timeout that had passed before a server revoked the session', async () => {
    const activity = createFirst()
    await collector.endSession(createEnd(activity))
    const answer = await collector.endSessionByServer({ session: activity.session, reason: 'revoked' })
    expect(answer).toMatchObject({ status: 200, body: { reason: 'idle_timeout', duplicate: true } })
  })

  test('of the sweep is superseded by a use that is later by more than the slack', async () => {
    const activity = createFirst()
    const lastAccess = (await insertSweptRow(activity)).getTime()
    const within = createEnd(activity, { lastAccessAt: lastAccess + 4 * minute })
    expect(await collector.endSession(within)).toMatchObject(duplicate)
    const later = createEnd(activity, { lastAccessAt: lastAccess + 6 * minute })
    expect(await collector.endSession(later)).toMatchObject(superseded)
  })

  test('of the sweep is superseded by a logout before its expiry, which is recorded', async () => {
    const activity = createFirst()
    const lastAccess = (await insertSweptRow(activity)).getTime()
    const logout = createEnd(activity, {
      detectedBy: 'logout',
      lastAccessAt: lastAccess,
      detectedAt: lastAccess + minute,
    })
    expect(await collector.endSession(logout)).toMatchObject({ status: 201, body: { reason: 'logout' } })
    expect(await collector.findRows(activity.session)).toMatchObject([
      { detected_by: 'sweep' },
      { detected_by: 'logout', revision: 2 },
    ])
  })

  test('of the sweep has a return: the first report of a page without the session', async () => {
    const activity = createFirst()
    const lastAccess = (await insertSweptRow(activity)).getTime()
    const end = (changes: Readonly<Record<string, unknown>>) =>
      collector.endSession(createEnd({ ...activity, lastAccessAt: lastAccess }, changes))
    await end({ detectedBy: 'logout' })
    expect(await readReturns(activity.session)).toEqual([])
    expect(await end({})).toMatchObject(duplicate)
    const returns = await readReturns(activity.session)
    expect(returns).toMatchObject([{ site: 'acme' }])
    expect(Math.abs(readStoredTime(returns[0]?.returned_at) - now())).toBeLessThan(2_000)
    await end({ detectedBy: 'new_session' })
    expect(await readReturns(activity.session)).toEqual(returns)
  })

  test('of the sweep has a return also if the report supersedes it', async () => {
    const activity = createFirst()
    await insertSweptRow(activity)
    const answer = await collector.endSession(createEnd(activity, { lastAccessAt: now() - 5 * minute }))
    expect(answer).toMatchObject(superseded)
    expect(await readReturns(activity.session)).toHaveLength(1)
  })

  test('of the sweep has a return also if a late report shows that the user was there before the timeout', async () => {
    const activity = createFirst()
    const lastAccess = (await insertSweptRow(activity)).getTime()
    const times = { lastAccessAt: lastAccess, detectedAt: lastAccess + 10 * minute }
    expect(await collector.endSession(createEnd(activity, times))).toMatchObject(superseded)
    expect(await readReturns(activity.session)).toHaveLength(1)
  })

  test('with contradictory times is superseded by any better report, and supersedes nothing', async () => {
    const activity = createFirst()
    const anomaly = createEnd(activity, { lastAccessAt: now() + 10 * minute })
    expect(await collector.endSession(anomaly)).toMatchObject({ body: { reason: 'clock_anomaly' } })
    expect(await collector.endSession(anomaly)).toMatchObject(duplicate)
    expect(await collector.endSession(createEnd(activity))).toMatchObject({
      status: 201,
      body: { reason: 'idle_timeout' },
    })
    expect(await collector.endSession(anomaly)).toMatchObject({
      status: 200,
      body: { reason: 'idle_timeout' },
    })
  })

  test('continues under the alias, once a report names both', async () => {
    const activity = createFirst()
    const { body: first } = await collector.endSession(createEnd({ ...activity, session: undefined }))
    expect(await collector.endSession(createEnd(activity))).toMatchObject({
      ...duplicate,
      body: { id: first.id },
    })
    const { body: second } = await collector.endSession(
      createEnd(activity, { lastAccessAt: now() - 20 * minute }),
    )
    expect(await collector.findRows(activity.session)).toMatchObject([
      { id: second.id, revision: 2, supersedes: first.id },
    ])
    const third = createEnd({ ...activity, session: undefined }, { lastAccessAt: now() - 10 * minute })
    expect(await collector.endSession(third)).toMatchObject(superseded)
    expect(await collector.findRows(activity.marker)).toMatchObject([{ revision: 1 }])
    expect(await collector.findRows(activity.session)).toMatchObject([
      { revision: 2 },
      { revision: 3, supersedes: second.id },
    ])
    expect(await collector.endSession(third)).toMatchObject(duplicate)
  })

  test('is the eleventh of its evidence at most', async () => {
    const activity = createFirst()
    const report = (count: number) =>
      createEnd(activity, { lastAccessAt: now() - 40 * minute + count * minute })
    for (let count = 1; count <= 11; count++)
      expect(await collector.endSession(report(count))).toMatchObject(superseded)
    expect(await collector.endSession(report(12))).toMatchObject(duplicate)
    expect(await collector.findRows(activity.session)).toHaveLength(11)
    const byServer = { session: activity.session, reason: 'logout', lastAccessAt: now() }
    expect(await collector.endSessionByServer(byServer)).toMatchObject(superseded)
  })
})
