import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Browser, waitUntil } from '../engines/engine.ts'
import { createEngines } from '../engines/engines.ts'
import { type Environment, startEnvironment } from './environment.ts'
import { type FaultProxy, startFaultProxy } from './faultProxy.ts'
import { fillStorage, isOnDisk } from './storage.ts'
import { createVisitor, createVisitorInTab, readSentTime, type Visitor } from './visitor.ts'

const app = { idleTimeoutSeconds: 3 }
const threeHours = 10_800_000

describe.concurrent.each(createEngines())('In $name,', (engine) => {
  // One collector for each engine, because the tests stop it.
  let env: Environment<'app'>
  let proxy: FaultProxy
  beforeAll(async () => {
    env = await startEnvironment({ app }, async (collectorUrl) => {
      proxy = await startFaultProxy(collectorUrl)
      return proxy.url
    })
  })
  afterAll(async () => {
    await engine.stop()
    await env.end()
    await proxy.close()
  })

  let user: Visitor
  const startVisit = async () => {
    proxy.reset()
    user = await createVisitor(engine, env, env.hosts.app)
  }
  const readErrors = () => user.tab.evaluate<{ code: string; status?: number }[]>('lapseErrors')
  const countWaitingReports = () =>
    user.tab.evaluate<number>("Object.keys(localStorage).filter((key) => key.startsWith('lapse:')).length")
  const waitForVerdict = async () => {
    await waitUntil(() => user.tab.evaluate<boolean>('!!window.verdict'), 'the verdict')
    return user.tab.evaluate<Record<string, unknown>>('window.verdict')
  }
  /** The row may arrive late, but its times must be those of the session's end. */
  async function expectIdleRow(marker: Awaited<ReturnType<Visitor['signIn']>>, timeoutMs?: number) {
    const row = await user.expectOneRow(timeoutMs)
    expect(row).toMatchObject({ reason: 'idle_timeout', marker: marker.id, session: marker.sid })
    expect(Math.abs(readSentTime(row, 'last_access_at') - marker.at)).toBeLessThan(1000)
    return row
  }

  describe('the end of a session, detected while the network fails,', { concurrent: false }, () => {
    beforeEach(startVisit)
    afterEach(() => user.browser.close())

    test('is reported when the browser is online again', async ({ skip }) => {
      skip(engine.limits.offline !== undefined, engine.limits.offline)
      const marker = await user.signIn()
      await user.open('/spa')
      await user.waitForTitle('Application')
      await user.waitUntilExpired()
      await user.browser.setOffline(true)
      expect(await user.tab.evaluate('lapse.absent()')).toEqual({ pending: true })
      await user.expectNoRow()
      expect(await countWaitingReports()).toBe(1)
      await user.browser.setOffline(false)
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', marker: marker.id })
      await waitUntil(async () => (await countWaitingReports()) === 0, 'an empty outbox')
    })

    test('is reported by a page that stays open when the collector is back', async () => {
      const marker = await user.signIn()
      await user.open('/spa')
      await user.waitForTitle('Application')
      await user.waitUntilExpired()
      await env.stopCollector()
      await user.tab.evaluate('poll()')
      await user.waitForTitle('Login')
      expect(await waitForVerdict()).toEqual({ pending: true })
      expect(await user.readMarker()).toBeUndefined()
      await env.startCollector()
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', marker: marker.id })
    })

    test('is reported by the next login page when the collector and its script were unavailable', async () => {
      const marker = await user.signIn()
      await user.waitUntilExpired()
      await env.stopCollector()
      await user.open('/')
      await user.open('/login?stay=1')
      await user.expectNoRow()
      await env.startCollector()
      await user.open('/login')
      await expectIdleRow(marker)
    })

    test('does not delay the page when the collector is slow, and the verdict arrives later', async () => {
      const marker = await user.signIn()
      await user.waitUntilExpired()
      // Long enough that a slow machine shows the page first, and less than the 5 seconds after which a page tries again.
      proxy.fail({ delayMs: 4000 })
      await user.open('/')
      const shown = Date.now()
      expect(await user.tab.evaluate('!!window.verdict')).toBe(false)
      expect(await waitForVerdict()).toMatchObject({ reason: 'idle_timeout', duplicate: false })
      expect(Date.now() - shown).toBeGreaterThan(1000)
      await expectIdleRow(marker)
      expect(proxy.posts).toHaveLength(1)
    })

    test('gets one row when the user leaves the page before a slow collector has answered', async () => {
      const marker = await user.signIn()
      await user.waitUntilExpired()
      proxy.fail({ delayMs: 2500 })
      await user.open('/')
      await user.open('/login?stay=1')
      await user.open('/static/data.json')
      await expectIdleRow(marker)
    })

    test('is not reported again before the time in Retry-After', async () => {
      const marker = await user.signIn()
      await user.waitUntilExpired()
      proxy.fail({ status: 503, retryAfterSeconds: 4 })
      await user.open('/')
      await waitUntil(async () => proxy.posts.length > 0, 'the first attempt')
      const [first = 0] = proxy.posts
      proxy.reset()
      await user.open('/login?stay=1')
      await expectIdleRow(marker)
      expect((proxy.posts[0] ?? 0) - first).toBeGreaterThan(4000)
    })

    test('is dropped after a 422: the host gets an error, and no page reports it again', async () => {
      await user.open(`/sign-in?user=${user.subject}&next=/?data-subject=${'x'.repeat(300)}`)
      await waitUntil(async () => (await user.readMarker()) !== undefined, 'the marker')
      await user.waitUntilExpired()
      await user.open('/')
      await waitUntil(async () => (await readErrors()).length > 0, 'the error')
      expect(await readErrors()).toMatchObject([{ code: 'report_refused', status: 422 }])
      expect(await user.readMarker()).toBeUndefined()
      expect(await countWaitingReports()).toBe(0)
      await user.open('/login?stay=1')
      await user.expectNoRow()
      expect(proxy.posts).toHaveLength(1)
    })

    test('waits in the outbox with those of nineteen other sessions, and each gets its row', async () => {
      const subjects = Array.from({ length: 20 }, (_, index) => `${user.subject}_${index}`)
      proxy.fail('cut before')
      for (const subject of subjects) await user.signIn(subject)
      await user.open('/logout')
      await waitUntil(async () => (await countWaitingReports()) === 20, 'twenty reports in the outbox')
      expect(await env.readRows(subjects)).toEqual([])
      proxy.reset()
      await waitUntil(async () => (await env.readRows(subjects)).length >= 20, 'twenty rows', 60_000)
      const rows = await env.readRows(subjects)
      expect(rows.map(({ subject }) => subject).sort()).toEqual([...subjects].sort())
      await waitUntil(async () => (await countWaitingReports()) === 0, 'an empty outbox')
    })
  })

  describe('the end of a session', { concurrent: false }, () => {
    beforeEach(startVisit)
    afterEach(() => user.browser.close())

    test.each([
      { when: 'before the report has arrived', fault: 'cut before' },
      { when: 'before the response has arrived', fault: 'cut after' },
    ] as const)('gets one row when its tab is closed $when', async ({ fault }) => {
      // Close the tab in front: browsers delay the requests of background tabs.
      const other = user.tab
      user = createVisitorInTab(user.browser, await user.browser.newTab(), env, env.hosts.app, user)
      const marker = await user.signIn()
      await user.waitUntilExpired()
      proxy.fail(fault)
      await user.open('/')
      await waitUntil(async () => proxy.posts.length > 0, 'the first attempt')
      await user.tab.close()
      proxy.reset()
      await other.goto(`${env.hosts.app.url}/login`)
      await expectIdleRow(marker)
    })
  })

  describe('the end of a session, detected in a browser that is killed and started again,', {
    concurrent: false,
  }, () => {
    let profile: string
    let browser: Browser | undefined
    beforeEach(() => {
      proxy.reset()
      profile = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    })
    afterEach(async () => {
      await browser?.close()
      rmSync(profile, { recursive: true, force: true })
    })

    test('gets one row when the report was not delivered before', { timeout: 180_000 }, async () => {
      user = await createVisitor(engine, env, env.hosts.app, profile)
      browser = user.browser
      const marker = await user.signIn()
      await user.waitUntilExpired()
      proxy.fail('cut before')
      await user.open('/')
      const key = `lapse:app:${marker.id}`
      await waitUntil(async () => isOnDisk(profile, key), 'the report on the disk', 60_000)
      await browser.kill()
      proxy.reset()
      browser = await engine.launch(profile)
      user = createVisitorInTab(browser, await browser.newTab(), env, env.hosts.app, user)
      await user.open('/login')
      // The longer the browser took to write the report to the disk, the later the report is due again.
      await expectIdleRow(marker, 90_000)
    })
  })

  describe('the end of a session, detected in a restricted browser,', { concurrent: false }, () => {
    beforeEach(startVisit)
    afterEach(() => user.browser.close())

    test('is kept in the marker when the storage is full', async () => {
      const marker = await user.signIn()
      await fillStorage(user.tab)
      await user.waitUntilExpired()
      proxy.fail('cut before')
      await user.open('/')
      await waitUntil(async () => (await readErrors()).length > 1, 'the errors')
      expect(await readErrors()).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ code: 'storage_refused' }),
          expect.objectContaining({ code: 'report_pending' }),
        ]),
      )
      expect(await user.readMarker()).toMatchObject({ id: marker.id })
      proxy.reset()
      await user.open('/login?stay=1')
      await expectIdleRow(marker)
      expect(await user.readMarker()).toBeUndefined()
    })

    test('is not reported without cookies and storage: the page works, and the host gets an error', async () => {
      await user.open(`/sign-in?user=${user.subject}&next=/?csp=sandbox%2520allow-scripts`)
      await waitUntil(async () => (await readErrors()).length > 0, 'the error')
      expect(await user.tab.evaluate('document.readyState')).toBe('complete')
      await user.expectNoRow()
      await user.waitUntilExpired()
      await user.open('/?csp=sandbox%20allow-scripts')
      await waitUntil(async () => (await readErrors()).length > 0, 'the error')
      await user.expectNoRow()
    })

    test('waits for another page when a content security policy blocks the collector', async () => {
      const marker = await user.signIn()
      await user.waitUntilExpired()
      await user.open(`/login?csp=${encodeURIComponent("connect-src 'none'")}`)
      await waitUntil(async () => (await countWaitingReports()) === 1, 'the outbox')
      await waitUntil(async () => (await readErrors()).length > 0, 'the error')
      expect(proxy.posts).toEqual([])
      await user.open('/login')
      await expectIdleRow(marker)
    })
  })

  describe('the end of a session, under a wrong clock,', { concurrent: false }, () => {
    beforeEach(startVisit)
    afterEach(() => user.browser.close())

    const signInAt = async (clock: number) => {
      await user.open(`/sign-in?user=${user.subject}&next=/?clock=${clock}`)
      return user.waitForMarker(user.subject)
    }

    test.each([
      { wrong: 'three hours fast', clock: threeHours },
      { wrong: 'three hours slow', clock: -threeHours },
    ])('gets the right verdict and times when the clock is $wrong', async ({ clock }) => {
      const marker = await signInAt(clock)
      await user.waitUntilExpired()
      const openedAt = Date.now()
      await user.open(`/?clock=${clock}`)
      const row = await expectIdleRow(marker)
      // The rest of the skew is the time that the report took to arrive.
      expect(Math.abs(Number(row.clock_skew_ms) + clock)).toBeLessThan(Date.now() - openedAt)
    })

    test('gets one row with the reason clock_anomaly when the clock is set back', async () => {
      const { id } = await signInAt(threeHours)
      await user.waitUntilExpired()
      await user.open('/')
      expect(await user.expectOneRow()).toMatchObject({
        reason: 'clock_anomaly',
        marker: id,
        expired_at: null,
      })
    })
  })
})
