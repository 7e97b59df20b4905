import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DroppedReports, SentReports } from '@lapse/server'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { listen } from '../../../test/listen.ts'
import { type Environment, startEnvironment } from './environment.ts'

let environment: Environment
beforeAll(async () => {
  environment = await startEnvironment()
})
afterEach(() => environment.reset())
afterAll(() => environment.end())

const countLiveSessions = async () =>
  Number((await environment.collector.database.sql('session_live').count({ count: '*' }))[0]?.count)

describe('Activity', () => {
  test('of many sessions is sent in few requests', async () => {
    const lapse = environment.createLapse()
    for (let user = 0; user < 1200; user++) lapse.active({ subject: user, session: `s${user}` })
    await expect.poll(countLiveSessions).toBe(1200)
    expect(environment.proxy.requests.length).toBeLessThanOrEqual(4)
    expect(lapse.health()).toMatchObject({ status: 'ok', queued: 0, reported: 1200, dropped: 0 })
  })

  test('of one session is sent at once, and then only its last access at the end of each interval', async () => {
    const lapse = environment.createLapse({ heartbeatSeconds: 1 })
    const session = lapse.createSession('u_42')
    let lastAccessAt = 0
    for (let request = 0; request < 30; request++) {
      lastAccessAt = Date.now()
      lapse.active({ ...session, lastAccessAt })
      await sleep(50)
    }
    await sleep(1500)
    const reports = environment.proxy.readReports('/v1/activity')
    // 1.5 seconds: the first access, the last one of the first interval, and the last one of all.
    expect(reports).toHaveLength(3)
    expect(reports.at(-1)).toMatchObject({ ...session, lastAccessAt, heartbeatSeconds: 1 })
  })

  test('of a session that has ended goes before its end, so that the row has the last access', async () => {
    const lapse = environment.createLapse()
    const session = lapse.createSession('u_42')
    lapse.active(session)
    await sleep(20)
    lapse.active(session)
    lapse.ended({ ...session, reason: 'revoked' })
    const [row] = await environment.waitForRows(1)
    expect(row).toMatchObject({ reason: 'revoked', subject: 'u_42', evidence: 'server' })
    const lastAccessAt = Date.parse(String(row?.last_access_at)) - Number(row?.clock_skew_ms)
    expect(lastAccessAt).toBeGreaterThanOrEqual(session.startedAt + 20)
  })

  test('states the own idle timeout of a session, so that the sweep goes by it', async () => {
    const lapse = environment.createLapse({ heartbeatSeconds: 0.1 })
    const session = lapse.createSession('u_42')
    lapse.active({ ...session, idleTimeoutSeconds: 1 })
    lapse.active(lapse.createSession('u_43'))
    const [row] = await environment.waitForRows(1)
    expect(row).toMatchObject({ subject: 'u_42', reason: 'idle_timeout', idle_timeout_seconds: 1 })
  })
})

describe('An end', () => {
  test('without a reason is judged by its times', async () => {
    const lapse = environment.createLapse()
    const lastAccessAt = new Date(Date.now() - 3_600_000)
    lapse.ended({ session: 'a1f', subject: 'u_42', startedAt: lastAccessAt, lastAccessAt })
    expect(await environment.waitForRows(1)).toMatchObject([
      { reason: 'idle_timeout', idle_timeout_seconds: 1800 },
    ])
  })

  test('of all sessions of a user comes after their last activity', async () => {
    const lapse = environment.createLapse()
    const session = lapse.createSession('u_42')
    lapse.active(session)
    await sleep(20)
    const lastAccessAt = Date.now()
    lapse.active({ ...session, lastAccessAt })
    lapse.ended({ subject: 'u_42', reason: 'revoked' })
    const [row] = await environment.waitForRows(1)
    expect(environment.proxy.readReports('/v1/activity').at(-1)).toMatchObject({ lastAccessAt })
    expect(row).toMatchObject({ session: session.session, reason: 'revoked' })
  })

  test('of all sessions of a user spares the exception', async () => {
    const lapse = environment.createLapse()
    const sessions = [1, 2, 3].map(() => lapse.createSession('u_42'))
    for (const session of sessions) lapse.active(session)
    lapse.ended({ subject: 'u_42', reason: 'revoked', except: sessions[2]?.session })
    const rows = await environment.waitForRows(2)
    const aliases = rows.map(({ session }) => session)
    expect(aliases.sort()).toEqual(
      sessions
        .slice(0, 2)
        .map(({ session }) => session)
        .sort(),
    )
    expect(await countLiveSessions()).toBe(1)
  })
})

describe('A value that is wrong', () => {
  test.each([
    { fault: 'no alias', make: (lapse: Lapse) => lapse.active({ session: '' }), message: /^session/ },
    { fault: 'nothing', make: (lapse: Lapse) => lapse.active(undefined as never), message: /undefined/ },
    {
      fault: 'a time in seconds',
      make: (lapse: Lapse) => lapse.active({ session: 'a', lastAccessAt: 1_767_346_200 }),
      message: /seconds/,
    },
    {
      fault: 'an unknown reason',
      make: (lapse: Lapse) => lapse.ended({ session: 'a', reason: 'bored' as never }),
      message: /^reason is "bored"/,
    },
    {
      fault: 'neither reason nor time',
      make: (lapse: Lapse) => lapse.ended({ session: 'a' }),
      message: /both missing/,
    },
    {
      fault: 'a subject alone',
      make: (lapse: Lapse) => lapse.ended({ subject: 'u_42' } as never),
      message: /^reason is missing/,
    },
    { fault: 'null', make: (lapse: Lapse) => lapse.ended(null as never), message: /null/ },
  ])('($fault) becomes an error that is not thrown, and no report', async ({ make, message }) => {
    const lapse = environment.createLapse()
    expect(() => make(lapse)).not.toThrow()
    expect(lapse.errors).toHaveLength(1)
    expect(lapse.errors[0]?.message).toMatch(message)
    expect(lapse.health().queued).toBe(0)
  })
})
type Lapse = ReturnType<Environment['createLapse']>

describe('A report that the collector refuses', () => {
  test('is dropped with an event, and the others of its batch are stored', async () => {
    const lapse = environment.createLapse()
    const dropped: DroppedReports[] = []
    lapse.on('dropped', (each) => dropped.push(each))
    const now = Date.now()
    lapse.active({ session: 'before', lastAccessAt: now })
    // The last access is before the start.
    lapse.active({ session: 'wrong', startedAt: now, lastAccessAt: now - 3_600_000 })
    lapse.active({ session: 'after', lastAccessAt: now })
    await expect.poll(countLiveSessions).toBe(2)
    expect(dropped).toMatchObject([{ reason: 'refused', reports: [{ session: 'wrong' }] }])
    expect(lapse.errors).toMatchObject([{ code: 'report_refused' }])
    expect(lapse.health()).toMatchObject({ queued: 0, reported: 2, dropped: 1 })
  })

  test('does not hold up others if the whole request is refused for it', async () => {
    const { proxy } = environment
    proxy.fail(({ reports }) =>
      reports.some(({ session }) => session === 'wrong') ? { status: 422 } : undefined,
    )
    const lapse = environment.createLapse()
    for (const session of ['a', 'b', 'wrong', 'c', 'd']) lapse.active({ session })
    await expect.poll(countLiveSessions).toBe(4)
    expect(lapse.health()).toMatchObject({ queued: 0, reported: 4, dropped: 1 })
  })

  test('for its ticket is dropped and named, and holds up no others', async () => {
    const lapse = environment.createLapse({ ticketSecret: 'another secret than the collector has' })
    lapse.active({ subject: 'u_42', session: 'remembered', idleTimeoutSeconds: 604_800 })
    lapse.active({ subject: 'u_43', session: 'b2e' })
    await expect.poll(countLiveSessions).toBe(1)
    expect(lapse.errors).toMatchObject([{ code: 'report_refused' }])
    expect(lapse.errors[0]?.message).toContain('#/ticket')
  })

  test('is kept if somebody has to correct the configuration', async () => {
    const lapse = environment.createLapse({ site: 'unknown' })
    lapse.active({ session: 'a1f' })
    await expect.poll(() => lapse.errors).toMatchObject([{ code: 'collector_refused' }])
    expect(lapse.errors[0]?.message).toContain('#/site')
    expect(lapse.health()).toMatchObject({ status: 'degraded', queued: 1, dropped: 0 })
  })
})

describe('While the collector does not accept reports', () => {
  test.each([
    { fault: 'cut before' as const, rows: 1 },
    { fault: 'cut after' as const, rows: 1 },
    { fault: { status: 503, headers: { 'Retry-After': '1' } }, rows: 1 },
    { fault: { status: 401, body: 'the token was revoked' }, rows: 1 },
    { fault: { status: 502, body: '<html>' }, rows: 1 },
  ])('($fault), they are kept and sent again, and stored once', async ({ fault }) => {
    const { proxy } = environment
    proxy.fail(() => fault)
    const lapse = environment.createLapse()
    const endedAt = Date.now() - 60_000
    lapse.ended({ session: 'a1f', subject: 'u_42', reason: 'logout', detectedAt: endedAt })
    await expect.poll(() => proxy.requests.length).toBe(1)
    await expect.poll(() => lapse.health().status).toBe('degraded')
    proxy.fail(undefined)
    const [row] = await environment.waitForRows(1)
    await expect.poll(() => lapse.health()).toMatchObject({ status: 'ok', queued: 0, reported: 1 })
    const detectedAt = Date.parse(String(row?.detected_at)) - Number(row?.clock_skew_ms)
    expect(Math.abs(detectedAt - endedAt)).toBeLessThan(100)
    expect(await environment.collector.database.readRows()).toHaveLength(1)
  })

  test('the wait that it asks for is respected, by ends too', async () => {
    const { proxy } = environment
    proxy.fail(() => ({ status: 503, headers: { 'Retry-After': '2' } }))
    const lapse = environment.createLapse()
    lapse.active({ session: 'a1f' })
    await expect.poll(() => proxy.requests.length).toBe(1)
    proxy.fail(undefined)
    lapse.ended({ session: 'b2e', reason: 'logout' })
    await environment.waitForRows(1)
    const [refused, accepted] = proxy.requests
    expect(Number(accepted?.at) - Number(refused?.at)).toBeGreaterThanOrEqual(2000)
  })

  test('a session that stays in use waits in the queue once', async () => {
    environment.proxy.fail(() => 'cut before')
    const lapse = environment.createLapse({ heartbeatSeconds: 0.05 })
    const session = lapse.createSession('u_42')
    for (let request = 0; request < 20; request++) {
      lapse.active(session)
      await sleep(100)
    }
    expect(environment.proxy.requests.length).toBeGreaterThan(1)
    expect(lapse.health().queued).toBe(1)
    environment.proxy.fail(undefined)
    await expect.poll(countLiveSessions).toBe(1)
  })

  test('the oldest reports are dropped when the queue is full', async () => {
    environment.proxy.fail(() => 'cut before')
    const lapse = environment.createLapse({ maxQueuedReports: 3 })
    const dropped: DroppedReports[] = []
    lapse.on('dropped', (each) => dropped.push(each))
    for (const session of ['a', 'b', 'c', 'd', 'e']) lapse.ended({ session, reason: 'logout' })
    expect(dropped).toMatchObject([
      { reason: 'queue_full', reports: [{ session: 'a' }] },
      { reason: 'queue_full', reports: [{ session: 'b' }] },
    ])
    environment.proxy.fail(undefined)
    const rows = await environment.waitForRows(3)
    expect(rows.map(({ session }) => session)).toEqual(['c', 'd', 'e'])
  })

  test('a redirect does not get the token', async () => {
    const stolen: unknown[] = []
    const server = await listen(
      createServer((request, response) => {
        stolen.push(request.headers.authorization)
        response.end()
      }),
    )
    environment.proxy.fail(() => ({ status: 307, headers: { Location: `${server.url}/v1/lapses` } }))
    const lapse = environment.createLapse()
    lapse.ended({ session: 'a1f', reason: 'logout' })
    await expect.poll(() => lapse.errors).toMatchObject([{ code: 'collector_unavailable' }])
    expect(stolen).toEqual([])
    expect(JSON.stringify(lapse.errors.map(String))).not.toContain(environment.token)
    await server.close()
  })
})

describe('close', () => {
  test('sends what is buffered', async () => {
    const lapse = environment.createLapse()
    const sent: SentReports[] = []
    lapse.on('reported', (each) => sent.push(each))
    const session = lapse.createSession('u_42')
    lapse.active(session)
    lapse.active(session)
    lapse.ended({ session: 'b2e', reason: 'logout' })
    await lapse.close()
    expect(sent).toMatchObject([
      { endpoint: '/v1/activity', count: 1 },
      { endpoint: '/v1/lapses', count: 1 },
    ])
    expect(await environment.collector.database.readRows()).toHaveLength(1)
  })

  test('waits for a collector that is back in time', async () => {
    environment.proxy.fail(() => 'cut before')
    const lapse = environment.createLapse()
    lapse.ended({ session: 'a1f', reason: 'logout' })
    const closed = lapse.close()
    await expect.poll(() => environment.proxy.requests.length).toBeGreaterThan(0)
    environment.proxy.fail(undefined)
    await closed
    expect(await environment.collector.database.readRows()).toHaveLength(1)
  })

  test('gives up after its time if nobody answers, and says what is lost', async () => {
    environment.proxy.fail(() => 'hang')
    const lapse = environment.createLapse()
    const dropped: DroppedReports[] = []
    lapse.on('dropped', (each) => dropped.push(each))
    lapse.ended({ session: 'a1f', reason: 'logout' })
    await lapse.close({ timeoutMs: 300 })
    expect(dropped).toMatchObject([{ reason: 'closed', reports: [{ session: 'a1f' }] }])
  })

  test('is final: later reports are dropped with an event', async () => {
    const lapse = environment.createLapse()
    await lapse.close()
    lapse.active({ session: 'a1f' })
    expect(lapse.errors).toMatchObject([{ code: 'closed' }])
  })
})

describe('The events', () => {
  test('become a process warning if nobody listens for errors', async () => {
    const { createLapseServer } = await import('@lapse/server')
    const lapse = createLapseServer({
      site: 'acme',
      collector: environment.proxy.url,
      token: 'x',
      idleTimeoutSeconds: 60,
    })
    const warning = new Promise<Error>((resolve) => process.once('warning', resolve))
    lapse.active({ session: '' })
    expect(await warning).toMatchObject({ name: 'LapseServerError', code: 'invalid_report' })
    await lapse.close()
  })

  test('survive a listener that throws', async () => {
    const lapse = environment.createLapse()
    const seen: unknown[] = []
    lapse.on('reported', () => {
      throw new Error('a fault of the application')
    })
    lapse.on('reported', (each) => seen.push(each))
    process.once('warning', (warning) => seen.push(warning.message))
    lapse.ended({ session: 'a1f', reason: 'logout' })
    await environment.waitForRows(1)
    await expect.poll(() => seen).toHaveLength(2)
  })
})
