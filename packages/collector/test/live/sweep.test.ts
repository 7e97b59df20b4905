import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, test, vi } from 'vitest'
import { readStoredTime } from '../../../../test/databases.ts'
import { dayMs } from '../../src/domain/durations.ts'
import { origin } from '../support/collector.ts'
import { createReplicas } from '../support/replicas.ts'
import {
  createActivity,
  createEnd,
  createSessionCollector,
  minute,
  type SessionCollector,
  signTicket,
} from '../support/sessionCollector.ts'

const site = {
  origins: [origin],
  idleTimeoutSeconds: 4,
  ticketKeys: [{ alg: 'HS256' as const, secret: 'env:TICKET_SECRET' }],
}
const sites = {
  acme: site,
  absolute: { ...site, idleTimeoutSeconds: 1800, absoluteTimeoutSeconds: 6, graceSeconds: 1 },
  slow: { ...site, heartbeatSeconds: 3 },
}

describe.each(inject('databaseServers'))('The sweep on $name', (server) => {
  let collector: SessionCollector
  beforeAll(async () => {
    collector = await createSessionCollector(server, { sites, sweep: { everySeconds: 1 } })
  })
  afterAll(() => collector.end())

  /** Waits until the session has ended, and returns its only row. */
  async function waitForRow(sessionKey: unknown) {
    const rows = await vi.waitFor(async () => {
      const found = await collector.findRows(sessionKey)
      expect(found).toHaveLength(1)
      return found
    }, 20_000)
    expect(await collector.findLive(sessionKey)).toBeUndefined()
    return rows[0] ?? {}
  }

  const createUse = (changes: Record<string, unknown> = {}) => {
    const now = Date.now()
    return createActivity({ startedAt: now - 1000, lastAccessAt: now - 500, sentAt: now, ...changes })
  }

  // The tests wait for the sweep, so they wait together.
  test.concurrent('records an idle timeout although nobody returns', async () => {
    const activity = createUse()
    await collector.use(activity)
    const row = await waitForRow(activity.session)
    const lastAccess = readStoredTime(row.last_access_at)
    expect(Math.abs(lastAccess - Number(activity.lastAccessAt))).toBeLessThan(1000)
    expect(row).toMatchObject({
      site: 'acme',
      revision: 1,
      supersedes: null,
      marker: activity.marker,
      session: activity.session,
      subject: 'u_42',
      reason: 'idle_timeout',
      evidence: 'self_reported',
      detected_by: 'sweep',
      elapsed_ms: 4400,
      idle_timeout_seconds: 4,
      absolute_timeout_seconds: null,
      browser_restarted: null,
      origin,
      ip: null,
      user_agent: 'node',
      client_version: '1.0.0',
    })
    expect(readStoredTime(row.expired_at)).toBe(lastAccess + 4000)
    expect(readStoredTime(row.detected_at)).toBe(lastAccess + 4400)
    expect(readStoredTime(row.received_at)).toBeGreaterThanOrEqual(readStoredTime(row.detected_at))
    expect(readStoredTime(row.received_at)).toBeLessThan(lastAccess + 12_000)
  })

  test.concurrent('records an absolute timeout of a session that is in use', async () => {
    const activity = createUse({ site: 'absolute' })
    await collector.use(activity)
    for (let count = 0; count < 8; count++) {
      await sleep(500)
      await collector.use({ ...activity, lastAccessAt: Date.now(), sentAt: Date.now() })
    }
    const row = await waitForRow(activity.session)
    expect(row).toMatchObject({
      reason: 'absolute_timeout',
      detected_by: 'sweep',
      absolute_timeout_seconds: 6,
    })
    expect(readStoredTime(row.expired_at)).toBe(readStoredTime(row.started_at) + 6000)
  })

  test.concurrent('takes evidence, user and limits from the report that last moved the session', async () => {
    const session = randomUUID()
    const use = createUse({ session, subject: 'u_666' })
    const ticket = await signTicket({ sid: session, sub: 'u_7', idle: 3, iat: -1 })
    const useWith = async (browser: string, changes: Record<string, unknown>) => {
      const headers = { Origin: origin, 'User-Agent': browser }
      expect((await collector.postActivity({ ...use, ...changes }, headers)).status).toBe(204)
    }
    const lastAccessAt = Number(use.sentAt)
    await useWith('the first browser', {})
    await useWith('the second browser', { lastAccessAt, ticket, client: '2.0.0' })
    await useWith('the third browser', { lastAccessAt: lastAccessAt - 250, ticket, client: '3.0.0' })
    expect(await waitForRow(session)).toMatchObject({
      evidence: 'signed',
      subject: 'u_7',
      idle_timeout_seconds: 3,
      user_agent: 'the second browser',
      client_version: '2.0.0',
    })
    const byServer = randomUUID()
    await collector.useByServer({ session: byServer, subject: 'u_8' })
    expect(await waitForRow(byServer)).toMatchObject({
      evidence: 'server',
      subject: 'u_8',
      marker: null,
      origin: null,
    })
  })

  test.concurrent('records nothing before the limit, the grace period and the heartbeat have passed', async () => {
    const now = Date.now()
    const quick = createUse()
    const withHeartbeat = createUse({ heartbeatSeconds: 2 })
    // A longer heartbeat would let a report delay its timeout.
    const withLongHeartbeat = createUse({ heartbeatSeconds: 3600 })
    const withHeartbeatOfSite = createUse({ site: 'slow' })
    const all = [quick, withHeartbeat, withLongHeartbeat, withHeartbeatOfSite]
    for (const activity of all) await collector.use(activity)
    const slacks: number[] = []
    for (const { session } of all) {
      const row = await waitForRow(session)
      const slackMs = readStoredTime(row.detected_at) - readStoredTime(row.expired_at)
      expect(readStoredTime(row.received_at)).toBeGreaterThanOrEqual(now - 600 + 4000 + slackMs)
      slacks.push(slackMs)
    }
    expect(slacks).toEqual([400, 2400, 2400, 3400])
  })

  test.concurrent('leaves a session alone that is used, however long', async () => {
    const activity = createUse()
    for (let count = 0; count < 20; count++) {
      await collector.use({ ...activity, lastAccessAt: Date.now(), sentAt: Date.now() })
      await sleep(500)
    }
    expect(await collector.findLive(activity.session)).toBeDefined()
    expect(await collector.findRows(activity.session)).toEqual([])
    await waitForRow(activity.session)
  })

  test.concurrent('records nothing for a session that has ended', async () => {
    const loggedOut = createUse()
    await collector.use(loggedOut)
    await collector.endSession(createEnd(loggedOut, { detectedBy: 'logout' }))
    const revoked = createUse()
    await collector.use(revoked)
    await collector.endSessionByServer({ session: revoked.session, reason: 'revoked' })
    await sleep(7000)
    expect(await collector.findRows(loggedOut.session)).toEqual([])
    expect(await collector.findRows(revoked.session)).toMatchObject([{ reason: 'revoked', revision: 1 }])
  })

  test.concurrent('removes a session without a row if a concurrent report has ended it', async () => {
    const activity = createUse()
    await collector.use(activity)
    const live = await collector.findLive(activity.session)
    await collector.endSession(createEnd(activity, { detectedBy: 'logout' }))
    const reported = createUse()
    await collector.use(reported)
    const other = await collector.findLive(reported.session)
    await collector.endSession(createEnd(reported, { detectedBy: 'logout', report: true }))
    await collector.database.sql('session_live').insert([live ?? {}, other ?? {}])
    await vi.waitFor(async () => {
      expect(await collector.findLive(activity.session)).toBeUndefined()
      expect(await collector.findLive(reported.session)).toBeUndefined()
    }, 20_000)
    expect(await collector.findRows(activity.session)).toEqual([])
    expect(await collector.findRows(reported.session)).toMatchObject([{ reason: 'logout' }])
  })

  test.concurrent('joins a session that is live under its alias with a row under its marker', async () => {
    const activity = createUse()
    await collector.use({ ...activity, session: undefined })
    const { id } = await waitForRow(activity.marker)
    const later = { lastAccessAt: Date.now(), sentAt: Date.now() }
    await collector.use({ ...activity, ...later })
    expect(await collector.findLive(activity.session)).toMatchObject({ resumes: id })
    expect(await waitForRow(activity.session)).toMatchObject({ revision: 2, supersedes: id })
  })

  test.concurrent('forgets unrecorded logouts after 24 hours', async ({ onTestFinished }) => {
    const replicas = await createReplicas(server, { sites })
    onTestFinished(replicas.end)
    const { sql } = replicas.database
    const createLogout = (session: string, ageMs: number) => {
      const receivedAt = new Date(Date.now() - ageMs)
      const stored = server.url === undefined ? receivedAt.toISOString() : receivedAt
      return {
        site: 'acme',
        session_key: session,
        marker: randomUUID(),
        evidence: 'self_reported',
        detected_at: stored,
        clock_skew_ms: 0,
        received_at: stored,
      }
    }
    await sql('session_logout').insert([
      createLogout('younger', dayMs - minute),
      createLogout('older', dayMs + minute),
    ])
    await replicas.start()
    await vi.waitFor(
      async () => expect(await sql('session_logout')).toMatchObject([{ session_key: 'younger' }]),
      20_000,
    )
  })

  test('is described by metrics and by one log line', async () => {
    const activity = createUse()
    await collector.use(activity)
    const readMetrics = async () => (await fetch(`${collector.url}/metrics`)).text()
    await vi.waitFor(
      async () => expect(await readMetrics()).toMatch(/lapse_live_sessions\{site="acme"\} [1-9]/),
      20_000,
    )
    await waitForRow(activity.session)
    const metrics = await readMetrics()
    expect(metrics).toMatch(/lapse_live_sessions\{site="slow"\} 0/)
    expect(metrics).toMatch(/lapse_swept_sessions_total\{site="acme",reason="idle_timeout"\} [1-9]/)
    expect(metrics).toMatch(/lapse_sweep_lateness_seconds_bucket\{le="5"\} [1-9]/)
    expect(metrics).toMatch(/lapse_sweep_duration_seconds_count\{outcome="completed"\} [1-9]/)
    const messages = collector.logLines.map((line) => JSON.parse(line))
    expect(messages).toContainEqual(
      expect.objectContaining({
        msg: 'recorded timeouts of sessions whose users did not return',
        recorded: 1,
        removed: 0,
      }),
    )
    expect(messages.filter(({ level }) => level >= 50)).toEqual([])
  })
})
