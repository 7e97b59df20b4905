import type { DroppedReports, SentReports } from '@lapse/server'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Environment, startEnvironment } from './environment.ts'

let environment: Environment
beforeAll(async () => {
  environment = await startEnvironment()
})
afterEach(() => environment.reset())
afterAll(() => environment.end())

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

  test('sends what is held back of thousands of sessions', async () => {
    const lapse = environment.createLapse()
    for (const round of [1, 2]) {
      for (let user = 0; user < 12_000; user++) lapse.active({ subject: user, session: `s${user}` })
      if (round === 1) await expect.poll(environment.countLiveSessions).toBe(12_000)
    }
    await lapse.close({ timeoutMs: 30_000 })
    expect(lapse.health()).toMatchObject({ queued: 0, reported: 24_000, dropped: 0 })
  })

  test('does not wait if the collector has asked to come back later than that', async () => {
    environment.proxy.fail(() => ({ status: 503, headers: { 'Retry-After': '3600' } }))
    const lapse = environment.createLapse()
    lapse.ended({ session: 'a1f', reason: 'logout' })
    await lapse.close({ timeoutMs: 20_000 })
    expect(environment.proxy.requests).toHaveLength(1)
    expect(lapse.health()).toMatchObject({ queued: 0, dropped: 1 })
  })

  test.each([Number.NaN, -1, Number.POSITIVE_INFINITY, 2 ** 40])(
    'waits for the collector with the timeout %s',
    async (timeoutMs) => {
      const lapse = environment.createLapse()
      lapse.ended({ session: 'a1f', reason: 'logout' })
      await lapse.close({ timeoutMs })
      expect(lapse.health()).toMatchObject({ reported: 1, dropped: 0 })
    },
  )

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
