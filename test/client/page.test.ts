import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { openUndriven } from '../engines/chromium.ts'
import { waitUntil } from '../engines/engine.ts'
import { createEngines } from '../engines/engines.ts'
import { type Environment, startEnvironment } from './environment.ts'
import { createVisitor, readSentTime, type Visitor } from './visitor.ts'

const app = { idleTimeoutSeconds: 3 }
/** Query of a page that browsers may keep, with a known idle timeout. */
const kept = 'cache=no-cache&data-idle-timeout-seconds=3'

let env: Environment<'app'>
beforeAll(async () => {
  env = await startEnvironment({ app })
})
afterAll(() => env.end())

describe.concurrent.each(createEngines())('In $name,', (engine) => {
  afterAll(() => engine.stop())

  let user: Visitor
  beforeEach(async () => {
    user = await createVisitor(engine, env, env.hosts.app)
  })
  afterEach(() => user.browser.close())

  /** A page from bfcache is complete before its `pageshow` event. */
  async function wasRestored(): Promise<boolean> {
    await waitUntil(() => user.tab.evaluate<boolean>("typeof window.restored === 'boolean'"), 'pageshow')
    return user.tab.evaluate<boolean>('window.restored')
  }
  const readPageState = async () => ({ pathname: await user.readPathname(), restored: await wasRestored() })
  const readLastAccess = async () => readSentTime(await user.expectOneRow(), 'last_access_at')

  describe('a single-page application', { concurrent: false }, () => {
    beforeEach(async () => {
      await user.signIn()
      await user.open('/spa')
      await user.waitForTitle('Application')
    })

    test('leaves no row while its polls keep the session alive, and one row afterwards', async () => {
      const { id } = (await user.readMarker()) ?? {}
      await user.tab.evaluate('void (window.polling = setInterval(poll, 500))')
      await sleep(5000)
      expect(env.hosts.app.findSession(user.subject)).toBeDefined()
      await user.expectNoRow()
      expect(await user.readMarker()).toMatchObject({ id })
      const stopped = await user.tab.evaluate<number>('(clearInterval(polling), Date.now())')
      await user.waitUntilExpired()
      await user.open('/login')
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', marker: id })
      expect(Math.abs((await readLastAccess()) - stopped)).toBeLessThan(1500)
    })

    test('moves the marker with its polls, although it does not read the responses', async ({ skip }) => {
      skip(engine.limits.unreadReplies !== undefined, engine.limits.unreadReplies)
      const { at = 0 } = (await user.readMarker()) ?? {}
      await user.tab.evaluate("void setInterval(() => void fetch('/api/me'), 300)")
      await waitUntil(async () => ((await user.readMarker())?.at ?? 0) > at + 1500, 'the marker to move')
    })

    test('leaves one row and gets the verdict when a 401 leads to its login view without a page load', async () => {
      const { sid } = (await user.readMarker()) ?? {}
      await user.waitUntilExpired()
      await user.tab.evaluate('poll()')
      await user.waitForTitle('Login')
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', session: sid })
      expect(await user.tab.evaluate('window.verdict')).toMatchObject({
        reason: 'idle_timeout',
        duplicate: false,
      })
      expect(await user.readMarker()).toBeUndefined()
    })
  })

  describe('a page that stays open after the timeout', { concurrent: false }, () => {
    test('leaves one row, and its images and static files do not count as activity', async () => {
      const { at } = await user.signIn()
      await user.tab.evaluate(`void setInterval(() => {
        new Image().src = '/static/dot.gif?' + Math.random()
        const link = document.createElement('link')
        Object.assign(link, { rel: 'stylesheet', href: '/static/data.json?' + Math.random() })
        document.head.append(link)
      }, 300)`)
      await user.waitUntilExpired()
      await user.open('/')
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', subject: user.subject })
      expect(Math.abs((await readLastAccess()) - at)).toBeLessThan(1500)
    })

    test('leaves one row and no new marker while it polls 401s in a background tab', async () => {
      await user.signIn()
      await user.open('/reports?data-idle-timeout-seconds=3')
      const { at = 0 } = (await user.readMarker()) ?? {}
      const front = await user.browser.newTab()
      await user.waitUntilExpired()
      await user.tab.evaluate("void setInterval(() => fetch('/api/me').then((answer) => answer.text()), 200)")
      await sleep(1500)
      await front.goto(`${env.hosts.app.url}/`)
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', subject: user.subject })
      expect(Math.abs((await readLastAccess()) - at)).toBeLessThan(1500)
      await sleep(500)
      expect(await user.readMarker()).toBeUndefined()
    })
  })

  describe('a page that the user goes back to', { concurrent: false }, () => {
    test('leaves no row and keeps the marker when it is restored from bfcache while signed in', async () => {
      const { id } = await user.signIn()
      await user.open(`/?${kept}`)
      await user.open(`/reports?${kept}`)
      // Browsers do not put a page into bfcache while it waits for a response, such as its icon.
      await sleep(500)
      await user.tab.back()
      expect(await readPageState()).toEqual({ pathname: '/', restored: true })
      await sleep(500)
      await user.tab.forward()
      expect(await readPageState()).toEqual({ pathname: '/reports', restored: true })
      await user.expectNoRow()
      expect(await user.readMarker()).toMatchObject({ id })
    })

    /** WebKit keeps two pages in bfcache, whatever they do. In the other engines, the page itself prevents that. */
    const cached = 'cache=max-age=600&keep-out-of-bfcache=1'
    const detour = ['/login?stay=1&n=1', '/login?stay=1&n=2', '/login?stay=1&n=3']

    async function takeDetourAndBack(steps: readonly string[]) {
      for (const path of steps) await user.open(path)
      for (const _ of steps) await user.tab.back()
    }

    test.each([
      { from: 'bfcache', login: `/login?${kept}`, steps: [], restored: true },
      {
        from: 'the HTTP cache',
        login: `/login?${cached}`,
        steps: ['/reports', '/?n=2', '/reports?n=3'],
        restored: false,
      },
    ])(
      'leaves no row and keeps the marker when it is the login page from $from, while signed in',
      async (page) => {
        await user.open(page.login)
        await user.tab.evaluate(`void (document.forms[0].user.value = '${user.subject}')`)
        await user.tab.click('form button')
        await user.waitForPath('/')
        const { id } = await user.waitForMarker(user.subject)
        await takeDetourAndBack(page.steps)
        await user.tab.back()
        expect(await readPageState()).toEqual({ pathname: '/login', restored: page.restored })
        await user.expectNoRow()
        expect(await user.readMarker()).toMatchObject({ id })
      },
    )

    test.each([
      { from: 'bfcache', path: `/?${kept}`, steps: [], restored: true },
      { from: 'the HTTP cache', path: `/?${cached}`, steps: detour, restored: false },
    ])(
      'leaves one row and no new marker when it is the application from $from, after the timeout',
      async (page) => {
        await user.signIn()
        await user.open(page.path)
        const { sid } = (await user.readMarker()) ?? {}
        await user.waitUntilExpired()
        await user.open('/login')
        expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', session: sid })
        await takeDetourAndBack(page.steps)
        await user.tab.back()
        expect(await readPageState()).toEqual({ pathname: '/', restored: page.restored })
        expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', session: sid })
        expect(await user.readMarker()).toBeUndefined()
      },
    )
  })

  describe('a login page after the timeout', { concurrent: false }, () => {
    test('leaves one row when it is opened in five tabs at once', async () => {
      await user.signIn()
      const tabs = await Promise.all(Array.from({ length: 5 }, () => user.browser.newTab()))
      await user.waitUntilExpired()
      await Promise.all(tabs.map((tab) => tab.goto(`${env.hosts.app.url}/login`)))
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', subject: user.subject })
    })

    test('leaves one row when it is reloaded ten times', async () => {
      await user.signIn()
      await user.waitUntilExpired()
      await user.open('/login')
      for (let visits = 0; visits < 10; visits++) await user.tab.reload()
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', subject: user.subject })
    })

    test('leaves one row when the user leaves before the response', async () => {
      await user.signIn()
      await user.waitUntilExpired()
      await user.open('/login?leave=1').catch(() => {})
      await user.waitForPath('/static/data.json')
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', subject: user.subject })
      await user.open('/login')
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', subject: user.subject })
    })

    test('leaves no row while it is prerendered, and one row when it is shown', async ({
      skip,
      onTestFinished,
    }) => {
      skip(engine.limits.prerendering !== undefined, engine.limits.prerendering)
      const { app } = env.hosts
      const profile = mkdtempSync(join(tmpdir(), 'lapse-test-'))
      const next = encodeURIComponent(`/reports?prerender=${encodeURIComponent('/login?stay=1')}`)
      const chromium = openUndriven(profile, `${app.url}/sign-in?user=${user.subject}&next=${next}`)
      onTestFinished(async () => {
        await chromium.kill()
        rmSync(profile, { recursive: true, force: true })
      })
      await waitUntil(async () => app.countPrerenderings() > 0, 'the prerendered login page')
      expect(app.findSession(user.subject)).toBeUndefined()
      await user.expectNoRow()
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', subject: user.subject })
      expect(app.countPrerenderings()).toBe(1)
    })
  })
})
