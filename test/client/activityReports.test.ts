import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openUndriven } from '../engines/chromium.ts'
import { type Tab, waitUntil } from '../engines/engine.ts'
import { createEngines } from '../engines/engines.ts'
import { type ActivityProxy, startActivityProxy } from './activityProxy.ts'
import { type Environment, startEnvironment } from './environment.ts'
import { createVisitor, createVisitorInTab, type Visitor } from './visitor.ts'

const idleTimeoutSeconds = 60
/** Long enough that no report is due within a test, unless the page is hidden. */
const longInterval = { 'data-idle-timeout-seconds': '60', 'data-heartbeat-seconds': '30' }
const shortInterval = { 'data-idle-timeout-seconds': '60', 'data-heartbeat-seconds': '2' }
/** How long another report may take to arrive. Only waiting shows that there is none. */
const settleMs = 1000

describe.concurrent.each(createEngines())('In $name,', (engine) => {
  // One proxy for each engine, because the tests choose its answers.
  let env: Environment<'app'>
  let proxy: ActivityProxy
  beforeAll(async () => {
    env = await startEnvironment({ app: { idleTimeoutSeconds } }, async (collectorUrl) => {
      proxy = await startActivityProxy(collectorUrl)
      return proxy.url
    })
  })
  afterAll(async () => {
    await engine.stop()
    await env.end()
    await proxy.close()
  })

  let user: Visitor
  const readReports = () => proxy.readReports(user.subject)
  const renderPath = (path: string, attributes: Record<string, string>) =>
    `${path}?${new URLSearchParams(attributes)}`

  /** Waits for this number of reports, and long enough for another one to arrive. */
  async function expectReports(count: number) {
    await waitUntil(async () => readReports().length >= count, `${count} activity reports`)
    await sleep(settleMs)
    expect(readReports()).toHaveLength(count)
  }

  /** Signs in on a page that reports activity. */
  async function startSession(attributes: Record<string, string>) {
    await user.signIn()
    await user.open(renderPath('/', attributes))
    await expectReports(1)
  }

  const request = (tab: Tab = user.tab) =>
    tab.evaluate("fetch('/api/me').then((response) => response.text())")

  /** Uses the session, and returns when the marker says that it was. */
  async function useSession() {
    const before = (await user.readMarker())?.at ?? 0
    await sleep(300)
    await request()
    await waitUntil(async () => ((await user.readMarker())?.at ?? 0) > before, 'the marker to move')
    return (await user.readMarker())?.at ?? 0
  }

  describe('a session', { concurrent: false }, () => {
    beforeEach(async () => {
      proxy.answerWith(204)
      user = await createVisitor(engine, env, env.hosts.app)
    })
    afterEach(() => user.browser.close())

    test('is reported when it starts, and not while nobody uses it', async () => {
      await startSession(shortInterval)
      const marker = await user.readMarker()
      expect(readReports()[0]).toMatchObject({
        marker: marker?.id,
        session: marker?.sid,
        startedAt: marker?.since,
        heartbeatSeconds: 2,
      })
      await sleep(5000)
      expect(readReports()).toHaveLength(1)
    })

    test('is reported once per interval while somebody uses it in three tabs', async () => {
      await startSession(shortInterval)
      const others = [await user.browser.newTab(), await user.browser.newTab()]
      for (const tab of others) await tab.goto(env.hosts.app.url + renderPath('/reports', shortInterval))
      await sleep(settleMs)
      const before = readReports().length
      const startedAt = Date.now()
      while (Date.now() - startedAt < 10_000) {
        for (const tab of [user.tab, ...others]) await request(tab)
        await sleep(100)
      }
      const intervals = (Date.now() - startedAt) / 2000
      const count = readReports().length - before
      expect(count).toBeGreaterThanOrEqual(intervals / 2)
      // Tabs that knew nothing of one another would send three times as many.
      expect(count).toBeLessThanOrEqual(intervals * 2)
    })

    // Firefox sometimes drops the last request of a tab that is being closed.
    test('is reported up to the last access when its tab is closed', { retry: 2 }, async () => {
      // The tab in front: one in the background is hidden already.
      user = createVisitorInTab(user.browser, await user.browser.newTab(), env, env.hosts.app, user)
      await startSession(longInterval)
      const lastAccessAt = await useSession()
      await user.tab.close()
      await expectReports(2)
      expect(readReports()[1]).toMatchObject({ lastAccessAt })
    })

    test('is reported up to the last access when the user leaves for another site', async () => {
      await startSession(longInterval)
      const lastAccessAt = await useSession()
      await user.tab.goto(env.hosts.app.ssoUrl)
      await expectReports(2)
      expect(readReports()[1]).toMatchObject({ lastAccessAt })
    })

    test('is reported after its page is restored from bfcache, and then no further', async () => {
      await startSession(shortInterval)
      // Browsers do not put a page into bfcache while it waits for a response, such as its icon.
      await sleep(500)
      await user.open('/static/data.json')
      await user.tab.back()
      await waitUntil(() => user.tab.evaluate<boolean>("typeof window.restored === 'boolean'"), 'pageshow')
      await waitUntil(
        async () => readReports().at(-1)?.lastAccessAt === (await user.readMarker())?.at,
        'a report of the last access',
      )
      const count = readReports().length
      await sleep(3000)
      expect(readReports()).toHaveLength(count)
    })

    test.each(['a link', 'a script'])('is not reported by any tab after a logout by %s', async (way) => {
      await startSession(shortInterval)
      const other = await user.browser.newTab()
      await other.goto(env.hosts.app.url + renderPath('/reports', shortInterval))
      await sleep(settleMs)
      await useSession()
      await user.tab.click(way === 'a link' ? '#link b' : '#script')
      await user.waitForPath('/login')
      await sleep(settleMs)
      const count = readReports().length
      await other.evaluate('Lapse.touch()')
      await sleep(3000)
      await other.close()
      await expectReports(count)
      await user.expectNoRow()
    })

    test('is reported again after a 503, and not at all after a 404', async () => {
      proxy.answerWith(503)
      await user.signIn()
      await user.open(renderPath('/', longInterval))
      await waitUntil(async () => readReports().length > 1, 'the second attempt')
      proxy.answerWith(204)
      const failed = readReports().length
      await expectReports(failed + 1)
      await user.tab.click('#link b')
      await user.waitForPath('/login')
      proxy.answerWith(404)
      const before = readReports().length
      await user.signIn()
      await user.open(renderPath('/', shortInterval))
      await expectReports(before + 1)
      await useSession()
      await user.open(renderPath('/reports', shortInterval))
      await sleep(3000)
      expect(readReports()).toHaveLength(before + 1)
    })

    test('still leaves its row when its reports are blocked', async () => {
      await user.signIn()
      const { hosts, collectorUrl } = env
      await user.open(renderPath('/', { ...longInterval, csp: `connect-src 'self' ${collectorUrl}` }))
      await sleep(settleMs)
      expect(await user.tab.evaluate("lapseErrors.every(({ code }) => code === 'report_pending')")).toBe(true)
      const { sid = '' } = (await user.readMarker()) ?? {}
      expect(hosts.app.drop(sid)).toBe(true)
      await user.open('/')
      expect(await user.expectOneRow()).toMatchObject({ reason: 'ended_early', session: sid })
      expect(readReports()).toEqual([])
    })

    test('is reported after the browser was offline', async ({ skip }) => {
      skip(engine.limits.offline !== undefined, engine.limits.offline)
      await startSession(shortInterval)
      await user.browser.setOffline(true)
      await user.tab.evaluate('Lapse.touch()')
      await sleep(3000)
      expect(readReports()).toHaveLength(1)
      await user.browser.setOffline(false)
      await expectReports(2)
    })

    test('is not reported by a page that is being prerendered, but when that is shown', async ({
      skip,
      onTestFinished,
    }) => {
      skip(engine.limits.prerendering !== undefined, engine.limits.prerendering)
      const { app } = env.hosts
      const profile = mkdtempSync(join(tmpdir(), 'lapse-test-'))
      const prerender = renderPath('/', longInterval)
      const next = encodeURIComponent(renderPath('/reports', { prerender }))
      const chromium = openUndriven(profile, `${app.url}/sign-in?user=${user.subject}&next=${next}`)
      onTestFinished(async () => {
        await chromium.kill()
        rmSync(profile, { recursive: true, force: true })
      })
      await waitUntil(async () => app.countPrerenderings() > 0, 'the prerendered page')
      await sleep(settleMs)
      expect(readReports()).toEqual([])
      await expectReports(1)
      expect(app.countPrerenderings()).toBe(1)
    })
  })
})
