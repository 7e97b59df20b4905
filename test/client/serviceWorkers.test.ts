import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { waitUntil } from '../engines/engine.ts'
import { createEngines } from '../engines/engines.ts'
import { type Environment, startEnvironment } from './environment.ts'
import { createVisitor, readSentTime, type Visitor } from './visitor.ts'

const files = {
  '/pass-through.js': new URL('./serviceWorkers/passThrough.js', import.meta.url),
  '/cache-first.js': new URL('./serviceWorkers/cacheFirst.js', import.meta.url),
}

let env: Environment<'app'>
beforeAll(async () => {
  env = await startEnvironment({ app: { idleTimeoutSeconds: 3, files } })
})
afterAll(() => env.end())

describe.concurrent.each(createEngines())('In $name,', (engine) => {
  afterAll(() => engine.stop())

  let user: Visitor
  beforeEach(async () => {
    user = await createVisitor(engine, env, env.hosts.app)
  })
  afterEach(() => user.browser.close())

  const known = '/reports?data-idle-timeout-seconds=3'

  /** Installs the service worker, and waits until it controls the page. */
  async function install(worker: string) {
    await user.tab.evaluate(
      `navigator.serviceWorker.register('${worker}').then(() => navigator.serviceWorker.ready).then(() => {})`,
    )
    await waitUntil(
      () => user.tab.evaluate<boolean>('navigator.serviceWorker.controller !== null'),
      'the service worker',
    )
  }

  /** Signs in, installs the service worker and opens a page that it controls. */
  async function signInBehind(worker: string) {
    await user.signIn()
    await install(worker)
    await user.open(known)
    expect(await user.tab.evaluate('navigator.serviceWorker.controller !== null')).toBe(true)
    const marker = await user.waitForMarker(user.subject)
    await user.tab.evaluate("fetch('/api/me').then((response) => response.text())")
    return marker
  }

  /** Polls for longer than the idle timeout and returns when the last poll began. */
  async function poll() {
    await user.tab.evaluate(
      "void (window.polling = setInterval(() => fetch('/api/me').then((response) => response.text()), 400))",
    )
    await sleep(4500)
    return user.tab.evaluate<number>('(clearInterval(polling), Date.now())')
  }

  describe('behind a service worker that passes requests through,', { concurrent: false }, () => {
    test('the login page leaves one row after the timeout, dated by the last poll if the browser shows it', async () => {
      const { id } = await signInBehind('/pass-through.js')
      const stopped = await poll()
      expect(env.hosts.app.findSession(user.subject)).toBeDefined()
      await user.expectNoRow()
      await user.waitUntilExpired()
      await user.open('/')
      expect(await user.readPathname()).toBe('/login')
      const row = await user.expectOneRow()
      expect(row).toMatchObject({ reason: 'idle_timeout', marker: id })
      // The other engines hide the size of what a service worker has answered, as if it came from a cache.
      if (engine.name !== 'WebKit') return
      expect(Math.abs(readSentTime(row, 'last_access_at') - stopped)).toBeLessThan(1500)
    })

    test('a session that begins later leaves one row after the timeout', async () => {
      await user.open('/login')
      await install('/pass-through.js')
      const { id } = await user.signIn()
      expect(await user.tab.evaluate('navigator.serviceWorker.controller !== null')).toBe(true)
      await user.waitUntilExpired()
      await user.open('/')
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', marker: id })
    })

    test('pages count as activity', async () => {
      await signInBehind('/pass-through.js')
      const { at = 0 } = (await user.readMarker()) ?? {}
      await sleep(300)
      await user.open(known)
      await waitUntil(async () => ((await user.readMarker())?.at ?? 0) > at, 'the marker to move')
      await user.expectNoRow()
    })
  })

  describe('behind a service worker that answers from a cache,', { concurrent: false }, () => {
    test('polls are no activity, so the login page leaves idle_timeout', async () => {
      const { id } = await signInBehind('/cache-first.js')
      await poll()
      expect(env.hosts.app.findSession(user.subject)).toBeUndefined()
      await user.open('/login')
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', marker: id })
    })

    test('the application opened after the timeout hides it, unless the browser shows that it is cached', async () => {
      const { id } = await signInBehind('/cache-first.js')
      await user.open(known)
      await user.waitUntilExpired()
      await user.open(known)
      expect(await user.readPathname()).toBe('/reports')
      await user.open('/login')
      const reason = engine.name === 'Chromium' ? 'idle_timeout' : 'ended_early'
      expect(await user.expectOneRow()).toMatchObject({ reason, marker: id })
    })
  })
})
