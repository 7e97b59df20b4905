import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { waitUntil } from '../engines/engine.ts'
import { createEngines } from '../engines/engines.ts'
import { type Environment, patientTimeoutSeconds, startEnvironment } from './environment.ts'
import { createVisitor, createVisitorInTab, type Visitor } from './visitor.ts'

let env: Environment<'app' | 'patient'>
beforeAll(async () => {
  env = await startEnvironment({
    app: { idleTimeoutSeconds: 3 },
    patient: { idleTimeoutSeconds: patientTimeoutSeconds },
  })
})
afterAll(() => env.end())

/** Keeps a page out of bfcache. WebKit keeps two pages there, whatever they do. */
const notRestored = 'keep-out-of-bfcache=1'

describe.concurrent.each(createEngines())('In $name,', (engine) => {
  afterAll(() => engine.stop())

  let user: Visitor
  beforeEach(async () => {
    user = await createVisitor(engine, env, env.hosts.app)
  })
  afterEach(() => user.browser.close())

  /** Opens three pages without Lapse, so that no engine keeps the page before them in bfcache. */
  async function leaveForOtherSite() {
    for (const visit of [1, 2, 3]) await user.tab.goto(`${env.hosts.app.ssoUrl}?visit=${visit}`)
  }

  async function goBack(path: string) {
    await user.tab.evaluate('void setTimeout(() => history.go(-3), 0)').catch(() => {})
    await user.waitForPath(path)
    return user.tab.evaluate<string>("performance.getEntriesByType('navigation')[0].type")
  }

  describe('a page that the browser fetches again when the user goes back', { concurrent: false }, () => {
    test('leaves one row when it is the login page after the timeout', async () => {
      const { id } = await user.signIn()
      await user.open(`/?${notRestored}`)
      await leaveForOtherSite()
      await user.waitUntilExpired()
      expect(await goBack('/login')).toBe('back_forward')
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', marker: id })
    })

    test('moves the marker when it is the application', async () => {
      const own = createVisitorInTab(user.browser, user.tab, env, env.hosts.patient, user)
      const { id } = await own.signIn()
      await own.open(`/?${notRestored}`)
      const { at = 0 } = (await own.readMarker()) ?? {}
      await leaveForOtherSite()
      expect(await goBack('/')).toBe('back_forward')
      await waitUntil(async () => ((await own.readMarker())?.at ?? 0) > at, 'the marker to move')
      await own.expectNoRow()
      expect(await own.readMarker()).toMatchObject({ id })
    })
  })

  describe('a page from the HTTP cache that probes', { concurrent: false }, () => {
    const path = `/?cache=max-age=600&${notRestored}&data-state=probe:/api/me`

    test('leaves one row after the timeout', async () => {
      const { id } = await user.signIn()
      await user.open(`${path}&data-idle-timeout-seconds=3`)
      await leaveForOtherSite()
      await user.waitUntilExpired()
      // The server would have redirected to the login page.
      expect(await goBack('/')).toBe('back_forward')
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', marker: id })
      expect(await user.readMarker()).toBeUndefined()
    })

    test('leaves no row and moves the marker in time', async () => {
      const own = createVisitorInTab(user.browser, user.tab, env, env.hosts.patient, user)
      const { id } = await own.signIn()
      await own.open(`${path}&data-idle-timeout-seconds=${patientTimeoutSeconds}`)
      const { at = 0 } = (await own.readMarker()) ?? {}
      await leaveForOtherSite()
      await sleep(500)
      expect(await goBack('/')).toBe('back_forward')
      await waitUntil(async () => ((await own.readMarker())?.at ?? 0) > at, 'the marker to move')
      await own.expectNoRow()
      expect(await own.readMarker()).toMatchObject({ id })
    })
  })
})
