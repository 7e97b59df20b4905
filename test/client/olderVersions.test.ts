import { randomUUID } from 'node:crypto'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startCollector, type TestCollector } from '../collector.ts'
import { readStoredTime } from '../databases.ts'
import { createEngines } from '../engines/engines.ts'
import { createLiveSessions, type LiveEnvironment, startLiveEnvironment } from './liveSessions.ts'

const origin = 'https://app.example'
const minuteMs = 60_000
const secret = 'a-secret-that-is-long-enough-for-HS256'

describe('A collector with live sessions', () => {
  let collector: TestCollector
  beforeAll(async () => {
    const ticketKeys = [{ alg: 'HS256', secret: 'env:TICKET_SECRET' }]
    const sites = { acme: { origins: [origin], idleTimeoutSeconds: 1800, ticketKeys } }
    collector = await startCollector({ name: 'SQLite' }, { sites }, { TICKET_SECRET: secret })
  })
  afterAll(() => collector.end())

  const post = (path: string, report: object) =>
    fetch(`${collector.url}${path}`, {
      method: 'POST',
      headers: { Origin: origin, 'Content-Type': 'text/plain;charset=UTF-8' },
      body: JSON.stringify(report),
    })
  const findRow = (marker: unknown) =>
    collector.database
      .sql('session_audit')
      .where({ marker: String(marker) })
      .first()

  /** Creates what the client sent before it could report activity, with every field. */
  async function createOldReport(changes: Readonly<Record<string, unknown>> = {}) {
    const now = Date.now()
    const session = randomUUID()
    const ticket = await new SignJWT({ iss: 'acme', sub: 'u_42', sid: session })
      .setProtectedHeader({ alg: 'HS256', typ: 'lapse+jwt' })
      .setIssuedAt(Math.floor((now - 90 * minuteMs) / 1000))
      .sign(new TextEncoder().encode(secret))
    return {
      detectedAt: now,
      ...{ site: 'acme', marker: randomUUID(), session, subject: 'u_42', ticket },
      startedAt: now - 90 * minuteMs,
      lastAccessAt: now - 60 * minuteMs,
      detectedBy: 'login_page',
      browserRestarted: true,
      client: '0.1.0',
      // A report that has waited in the outbox.
      retryAt: now - 1000,
      sentAt: now,
      ...changes,
    }
  }

  test.each(['login_page', 'new_session', 'logout'])(
    'answers an older client with the verdict that it expects: %s',
    async (detectedBy) => {
      const report = await createOldReport({ detectedBy })
      const first = await post('/v1/lapses', report)
      expect(first.status).toBe(201)
      const verdict = { reason: 'idle_timeout', elapsedMs: 60 * minuteMs, idleTimeoutSeconds: 1800 }
      const row = await findRow(report.marker)
      expect(await first.json()).toEqual({ ...verdict, id: row.id, duplicate: false })
      const second = await post('/v1/lapses', { ...report, sentAt: Date.now() })
      expect(second.status).toBe(200)
      expect(await second.json()).toEqual({ ...verdict, id: row.id, duplicate: true })
    },
  )

  test('stores every field that an older client sends', async () => {
    const report = await createOldReport()
    await post('/v1/lapses', report)
    const { session, marker } = report
    const row = await findRow(marker)
    expect(row).toMatchObject({
      ...{ site: 'acme', session_key: session, session, marker, subject: 'u_42' },
      ...{ revision: 1, supersedes: null, evidence: 'signed', detected_by: 'login_page' },
      ...{ browser_restarted: 1, client_version: '0.1.0', elapsed_ms: 60 * minuteMs, origin },
    })
    const skewMs = Number(row.clock_skew_ms)
    expect(readStoredTime(row.started_at) - skewMs).toBe(report.startedAt)
    expect(readStoredTime(row.last_access_at) - skewMs).toBe(report.lastAccessAt)
    expect(readStoredTime(row.detected_at) - skewMs).toBe(report.detectedAt)
  })

  test.each(['session', 'subject', 'ticket', 'browserRestarted', 'client', 'retryAt'])(
    'accepts a report of an older client without %s',
    async (field) => {
      const report = await createOldReport({ [field]: undefined })
      const response = await post('/v1/lapses', report)
      expect(response.status).toBe(201)
      expect(await response.json()).toMatchObject({ reason: 'idle_timeout', duplicate: false })
    },
  )

  test('acknowledges the logout of an older client without a row, or records it if that asks for it', async () => {
    const lastAccessAt = Date.now() - minuteMs
    const plain = await createOldReport({ detectedBy: 'logout', lastAccessAt })
    const acknowledged = await post('/v1/lapses', plain)
    expect(acknowledged.status).toBe(200)
    expect(await acknowledged.json()).toMatchObject({ id: null, reason: 'logout', recorded: false })
    const reported = await post(
      '/v1/lapses',
      await createOldReport({
        ...plain,
        marker: randomUUID(),
        session: randomUUID(),
        ticket: undefined,
        report: true,
      }),
    )
    expect(reported.status).toBe(201)
    const timedOut = { detectedBy: 'logout', lastAccessAt, reason: 'idle_timeout' }
    const response = await post('/v1/lapses', await createOldReport(timedOut))
    expect(await response.json()).toMatchObject({ reason: 'idle_timeout' })
  })

  test('ends a live session when a page with an older client reports its end', async () => {
    const { detectedAt, detectedBy, browserRestarted, retryAt, ...session } = await createOldReport()
    const lastAccessAt = Date.now() - 50 * minuteMs
    const activity = { ...session, lastAccessAt, heartbeatSeconds: 300 }
    expect((await post('/v1/activity', activity)).status).toBe(204)
    const findLive = () => collector.database.sql('session_live').where({ marker: session.marker }).first()
    expect(await findLive()).toBeDefined()
    const response = await post('/v1/lapses', { ...session, detectedAt, detectedBy, browserRestarted })
    // Judged by the later of the two last accesses.
    expect(await response.json()).toMatchObject({ reason: 'idle_timeout', duplicate: false })
    expect(readStoredTime((await findRow(session.marker)).last_access_at)).toBeGreaterThanOrEqual(
      lastAccessAt,
    )
    expect(await findLive()).toBeUndefined()
  })
})

describe.concurrent.each(createEngines())('In $name,', (engine) => {
  let env: LiveEnvironment
  beforeAll(async () => {
    // The collector gives this path the answer that an older one gives to activity reports.
    env = await startLiveEnvironment('/v1/unknown')
  })
  afterAll(async () => {
    await engine.stop()
    await env.end()
  })

  const { openSession, work } = createLiveSessions(engine, () => env)

  test('a page reports activity once to a collector that does not know it, and the end as before', async (context) => {
    const { user, alias } = await openSession(context)
    const readStatuses = () => env.proxy.readActivity(user.subject).map(({ status }) => status)
    const end = Date.now() + 5000
    await work(user.tab, async () => Date.now() > end)
    await user.open('/')
    expect(readStatuses()).toEqual([404])
    await user.waitUntilExpired()
    await user.open('/')
    const row = await user.expectOneRow()
    expect(row).toMatchObject({ reason: 'idle_timeout', detected_by: 'login_page', session: alias })
    expect(await user.readMarker()).toBeUndefined()
    expect(readStatuses()).toEqual([404])
  })
})
