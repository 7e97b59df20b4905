import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { readStoredTime } from '../../../../test/databases.ts'
import { createKeyPair } from '../support/keyServer.ts'
import {
  createActivity,
  createEnd,
  createSessionCollector,
  type SessionCollector,
  signTicket,
} from '../support/sessionCollector.ts'
import {
  expectIdleOnlyAfterwards,
  heartbeatSeconds,
  longerThanLimitMs,
  shortLimits,
  startWorkingUser,
} from '../support/workingUser.ts'

const hour = 3_600_000
const ticketKeys = [{ alg: 'HS256' as const, secret: 'env:TICKET_SECRET' }]
const sites = {
  acme: { ...shortLimits, ticketKeys },
  // A session that is not used has its row 7.4 seconds after its last access.
  slow: { ...shortLimits, heartbeatSeconds: 3 },
  // Nothing listens on port 9.
  remote: {
    ...shortLimits,
    ticketKeys: [{ alg: 'ES256' as const, jwksUrl: 'http://127.0.0.1:9/jwks.json' }],
  },
}

/** Returns how long after it was due a row was recorded. */
const measureDelayMs = (row: Readonly<Record<string, unknown>> | undefined) =>
  readStoredTime(row?.received_at) - readStoredTime(row?.detected_at)

describe.concurrent.each(inject('databaseServers'))('On $name, the sweep', (server) => {
  let collector: SessionCollector
  beforeAll(async () => {
    collector = await createSessionCollector(server, { sites, sweep: { everySeconds: 1 } })
  })
  afterAll(() => collector.end())

  const getUrls = () => [collector.url]
  const createUse = (changes: Record<string, unknown> = {}) => {
    const now = Date.now()
    return createActivity({ startedAt: now, lastAccessAt: now, sentAt: now, heartbeatSeconds, ...changes })
  }
  const waitForRows = (sessionKey: unknown, count: number, { findRows } = collector) =>
    vi.waitFor(
      async () => {
        const rows = await findRows(sessionKey)
        expect(rows).toHaveLength(count)
        return rows
      },
      { timeout: 20_000, interval: 100 },
    )

  test("calls nobody idle whose browser's clock is an hour ahead and is then corrected", async ({
    onTestFinished,
  }) => {
    let aheadMs = hour
    const user = startWorkingUser(getUrls, { getTime: () => Date.now() + aheadMs })
    onTestFinished(user.stop)
    await sleep(longerThanLimitMs)
    aheadMs = 0
    await sleep(longerThanLimitMs)
    await expectIdleOnlyAfterwards(collector.database, user)
  })

  test('calls nobody idle whose heartbeats are lost now and then', async ({ onTestFinished }) => {
    let count = 0
    const user = startWorkingUser(getUrls, {
      activity: { site: 'slow' },
      // Five of six reports are lost, so six seconds pass between two that arrive: more than the timeout and the grace
      // period, 4.4 seconds, but less than both with the heartbeat.
      change: (report) => (count++ % 6 === 0 ? report : undefined),
    })
    onTestFinished(user.stop)
    await vi.waitFor(() => expect(user.statuses).toEqual([204, 204, 204]), { timeout: 20_000, interval: 100 })
    await expectIdleOnlyAfterwards(collector.database, user)
  })

  test('watches one session when a report with the marker is followed by one with the alias', async ({
    onTestFinished,
  }) => {
    let isKnown = false
    const user = startWorkingUser(getUrls, {
      change: (report) => (isKnown ? report : { ...report, session: undefined }),
    })
    onTestFinished(user.stop)
    await sleep(3_000)
    expect(await collector.findLive(user.marker)).toBeDefined()
    isKnown = true
    await sleep(longerThanLimitMs)
    expect(await collector.findLive(user.marker)).toBeUndefined()
    await expectIdleOnlyAfterwards(collector.database, user)
    expect(await collector.findRows(user.marker)).toEqual([])
  })

  test('calls nobody idle whose ticket expires during work', async ({ onTestFinished }) => {
    const session = randomUUID()
    // An expired ticket is accepted for another 60 seconds, so this one expires in 3 seconds.
    const ticket = await signTicket({ sid: session, iat: -60, exp: -57 })
    const user = startWorkingUser(getUrls, { activity: { session, ticket } })
    onTestFinished(user.stop)
    await sleep(2 * longerThanLimitMs)
    expect(new Set(user.statuses)).toEqual(new Set([204]))
    await expectIdleOnlyAfterwards(collector.database, user)
    expect(await collector.findRows(session)).toMatchObject([{ evidence: 'signed' }])
  })

  test('is corrected by a logout that was offline and is delivered the next day', async () => {
    const yesterday = Date.now() - 24 * hour
    const activity = createUse({ startedAt: yesterday - 60_000, lastAccessAt: yesterday })
    await collector.use(activity)
    const [presumed] = await waitForRows(activity.session, 1)
    expect(presumed).toMatchObject({ reason: 'idle_timeout', detected_by: 'sweep' })
    const logout = { detectedBy: 'logout', detectedAt: yesterday + 1_000 }
    const answer = await collector.endSession(createEnd(activity, logout))
    expect(answer).toMatchObject({ status: 201, body: { reason: 'logout' } })
    expect(await collector.findRows(activity.session)).toMatchObject([
      { revision: 1, reason: 'idle_timeout' },
      { revision: 2, reason: 'logout', supersedes: presumed?.id, expired_at: null },
    ])
  })

  test('never finds a session again that a late heartbeat reports after its logout', async () => {
    const activity = createUse()
    await collector.use(activity)
    const logout = await collector.endSession(createEnd(activity, { detectedBy: 'logout' }))
    expect(logout).toMatchObject({ status: 200, body: { recorded: false } })
    expect(await collector.use({ ...activity, sentAt: Date.now() })).toBe(204)
    expect(await collector.findLive(activity.session)).toBeUndefined()
    await sleep(longerThanLimitMs)
    expect(await collector.findRows(activity.session)).toEqual([])
  })

  test("is not delayed by forged activity for somebody else's alias", async ({ onTestFinished }) => {
    const session = randomUUID()
    const ticket = await signTicket({ sid: session, iat: -1 })
    const activity = createUse({ session, ticket })
    await collector.use(activity)
    const attacker = startWorkingUser(getUrls, {
      activity: { session, subject: 'u_666', heartbeatSeconds: 3600 },
    })
    onTestFinished(attacker.stop)
    const [row] = await waitForRows(session, 1)
    await attacker.stop()
    expect(row).toMatchObject({ reason: 'idle_timeout', evidence: 'signed', subject: 'u_42' })
    expect(Math.abs(readStoredTime(row?.last_access_at) - Number(activity.lastAccessAt))).toBeLessThan(1_000)
    // After the row, activity of weaker evidence does not make the session live again either.
    expect(await collector.findLive(session)).toBeUndefined()
  })

  test('is not delayed by tickets that cannot be verified, because the keys of their site are unavailable', async ({
    onTestFinished,
  }) => {
    const activity = createUse()
    await collector.use(activity)
    const ticket = await (await createKeyPair('one')).sign()
    const attacker = startWorkingUser(getUrls, { activity: { site: 'remote', ticket } })
    onTestFinished(attacker.stop)
    const [row] = await waitForRows(activity.session, 1)
    expect(new Set(attacker.statuses)).toEqual(new Set([503]))
    expect(measureDelayMs(row)).toBeLessThan(3_000)
  })

  test('is not delayed by a flood of reports that exceed the rate limit', async ({ onTestFinished }) => {
    const limited = await createSessionCollector(server, {
      sites,
      sweep: { everySeconds: 1 },
      rateLimit: { requestsPerMinute: 1 },
    })
    onTestFinished(limited.end)
    const activity = createUse()
    expect(await limited.use(activity)).toBe(204)
    // All requests of this test come from one address.
    const attacker = startWorkingUser(() => [limited.url])
    onTestFinished(attacker.stop)
    const [row] = await waitForRows(activity.session, 1, limited)
    expect(new Set(attacker.statuses)).toEqual(new Set([429]))
    expect(measureDelayMs(row)).toBeLessThan(3_000)
  })
})
