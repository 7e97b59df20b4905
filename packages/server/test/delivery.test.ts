import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import type { DroppedReports } from '@lapse/server'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { listen } from '../../../test/listen.ts'
import { type Environment, startEnvironment } from './environment.ts'

let environment: Environment
beforeAll(async () => {
  environment = await startEnvironment()
})
afterEach(() => environment.reset())
afterAll(() => environment.end())

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
    await expect.poll(environment.countLiveSessions).toBe(2)
    expect(dropped).toMatchObject([{ reason: 'refused', reports: [{ session: 'wrong' }] }])
    expect(lapse.errors).toMatchObject([{ code: 'report_refused' }])
    await expect.poll(() => lapse.health()).toMatchObject({ queued: 0, reported: 2, dropped: 1 })
  })

  test('does not hold up others if the whole request is refused for it', async () => {
    const { proxy } = environment
    const problem = {
      status: 422,
      headers: { 'Content-Type': 'application/problem+json' },
      body: '{"type":"urn:lapse:problem:invalid-event"}',
    }
    proxy.fail(({ reports }) => (reports.some(({ session }) => session === 'wrong') ? problem : undefined))
    const lapse = environment.createLapse()
    for (const session of ['a', 'b', 'wrong', 'c', 'd']) lapse.active({ session })
    await expect.poll(environment.countLiveSessions).toBe(4)
    await expect.poll(() => lapse.health()).toMatchObject({ queued: 0, reported: 4, dropped: 1 })
  })

  test('for its ticket is dropped and named, and holds up no others', async () => {
    const lapse = environment.createLapse({ ticketSecret: 'another secret than the collector has' })
    lapse.active({ subject: 'u_42', session: 'remembered', idleTimeoutSeconds: 604_800 })
    lapse.active({ subject: 'u_43', session: 'b2e' })
    await expect.poll(environment.countLiveSessions).toBe(1)
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
    { fault: 'cut before' as const },
    { fault: 'cut after' as const },
    { fault: { status: 503, headers: { 'Retry-After': '1' } } },
    { fault: { status: 401, body: 'the token was revoked' } },
    { fault: { status: 502, body: '<html>' } },
    // These come from a proxy, whatever they say.
    { fault: { status: 200, body: '<html>Welcome' } },
    { fault: { status: 200 } },
    { fault: { status: 204 } },
    { fault: { status: 200, body: '{"accepted":0,"rejected":[]}' } },
    { fault: { status: 200, body: '{"accepted":0,"rejected":[{"index":0,"errors":[null]}]}' } },
    { fault: { status: 200, body: '{"accepted":0,"rejected":[{"index":"0","errors":[]}]}' } },
    { fault: { status: 400, body: '<html>blocked' } },
    { fault: { status: 413, body: '<html>too large' } },
    { fault: { status: 200, body: ' '.repeat(2 * 1024 * 1024) } },
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
    expect(Math.abs(detectedAt - endedAt)).toBeLessThan(1000)
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
    await expect.poll(environment.countLiveSessions).toBe(1)
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

  test('activity is dropped before ends, because a session in use is reported again', () => {
    environment.proxy.fail(() => 'cut before')
    const lapse = environment.createLapse({ maxQueuedReports: 3 })
    const dropped: DroppedReports[] = []
    lapse.on('dropped', (each) => dropped.push(each))
    lapse.ended({ session: 'end', reason: 'logout' })
    for (const session of ['a', 'b', 'c']) lapse.active({ session })
    expect(dropped).toMatchObject([{ reports: [{ session: 'a' }] }])
    expect(lapse.errors).toMatchObject([{ code: 'queue_full' }])
  })

  test('a report is accepted although the clock was set back after it was made', async () => {
    const lapse = environment.createLapse()
    lapse.active({ session: 'a1f', lastAccessAt: Date.now() + 3_600_000 })
    await expect.poll(environment.countLiveSessions).toBe(1)
    expect(lapse.errors).toEqual([])
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
