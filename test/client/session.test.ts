import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Browser, waitUntil } from '../engines/engine.ts'
import { createEngines } from '../engines/engines.ts'
import { type Environment, startEnvironment } from './environment.ts'
import { createVisitor, createVisitorInTab, readSentTime, type Visitor } from './visitor.ts'

const sites = {
  app: { idleTimeoutSeconds: 3 },
  /** The marker is created later than the session, when the first page has loaded. The grace period of 2 s covers that. */
  strict: { idleTimeoutSeconds: 20, absoluteTimeoutSeconds: 6 },
  /**
   * Sessions that end with the browser. Those of `patient` last longer than a browser takes to start, and longer than
   * anything that must happen in time on a slow machine.
   */
  brief: { idleTimeoutSeconds: 3, untilBrowserCloses: true },
  patient: { idleTimeoutSeconds: 60, untilBrowserCloses: true },
}

let env: Environment<keyof typeof sites>
beforeAll(async () => {
  env = await startEnvironment(sites)
})
afterAll(() => env.end())

// The engines run in parallel, because the tests mostly wait. In each engine, one test runs after the other.
describe.concurrent.each(createEngines())('In $name,', (engine) => {
  afterAll(() => engine.stop())

  describe('a session', { concurrent: false }, () => {
    let user: Visitor
    const getHost = () => env.hosts.app
    beforeEach(async () => {
      user = await createVisitor(engine, env, getHost())
    })
    afterEach(() => user.browser.close())

    test('leaves no row before it starts: a new visitor opens the login page', async () => {
      await user.open('/login')
      await user.expectNoRow()
      expect(await user.readMarker()).toBeUndefined()
    })

    test('leaves one row after the idle timeout, with the user, the last access, the expiry and the reason', async () => {
      await user.signIn()
      await user.open('/reports')
      const { alias = '', lastAccessAt = 0 } = getHost().findSession(user.subject) ?? {}
      await user.waitUntilExpired()
      await user.open('/')
      expect(await user.readPathname()).toBe('/login')
      const row = await user.expectOneRow()
      expect(row).toMatchObject({
        site: 'app',
        session_key: alias,
        session: alias,
        subject: user.subject,
        reason: 'idle_timeout',
        evidence: 'self_reported',
        detected_by: 'login_page',
        browser_restarted: 0,
        idle_timeout_seconds: 3,
        origin: getHost().url,
      })
      const lastAccess = readSentTime(row, 'last_access_at')
      expect(Math.abs(lastAccess - lastAccessAt)).toBeLessThan(1500)
      expect(readSentTime(row, 'expired_at') - lastAccess).toBe(3000)
      const readMessage = 'document.querySelector("[data-lapse-message]").innerText'
      const message = 'You were signed out after 3 seconds without activity.'
      await waitUntil(async () => (await user.tab.evaluate(readMessage)) === message, message)
      expect(await user.readMarker()).toBeUndefined()
    })

    test.each([
      { by: 'a link', selector: '#link b' },
      { by: 'a form', selector: '#form button' },
      { by: 'a script that posts and navigates', selector: '#script' },
    ])('leaves no row after a logout by $by', async ({ selector }) => {
      const { patient } = env.hosts
      const own = createVisitorInTab(user.browser, user.tab, env, patient, user)
      await own.signIn()
      await own.tab.click(selector)
      await own.waitForPath('/login')
      expect(patient.findSession(own.subject)).toBeUndefined()
      expect(await own.readMarker()).toBeUndefined()
      await own.expectNoRow()
    })

    test('leaves one logout row after a logout that asks for a report', async () => {
      const own = createVisitorInTab(user.browser, user.tab, env, env.hosts.patient, user)
      await own.signIn()
      await own.open('/spa')
      await own.waitForTitle('Application')
      const { sid } = (await own.readMarker()) ?? {}
      await own.tab.evaluate('signOut({ report: true })')
      expect(await own.expectOneRow()).toMatchObject({
        reason: 'logout',
        detected_by: 'logout',
        session: sid,
      })
      expect(await own.tab.evaluate('document.title')).toBe('Login')
      expect(await own.readMarker()).toBeUndefined()
    })

    test('leaves one ended_early row when the server ends it before its timeout', async () => {
      const { patient } = env.hosts
      const own = createVisitorInTab(user.browser, user.tab, env, patient, user)
      const { sid = '' } = await own.signIn()
      expect(patient.drop(sid)).toBe(true)
      await own.open('/')
      expect(await own.expectOneRow()).toMatchObject({
        reason: 'ended_early',
        subject: own.subject,
        session: sid,
        expired_at: null,
      })
    })

    test('leaves one absolute_timeout row when it reaches that limit while in use', async () => {
      const { strict } = env.hosts
      const own = createVisitorInTab(user.browser, user.tab, env, strict, user)
      const { since } = await own.signIn()
      await own.open('/reports?data-idle-timeout-seconds=20')
      await own.tab.evaluate("void setInterval(() => fetch('/api/me').then((answer) => answer.text()), 500)")
      // The marker is younger than the session, so its limit is reached a little later than on the host.
      while (strict.findSession(own.subject) || Date.now() < since + 6000) await sleep(100)
      await own.open('/')
      const row = await own.expectOneRow()
      expect(row).toMatchObject({
        reason: 'absolute_timeout',
        absolute_timeout_seconds: 6,
        subject: own.subject,
      })
      expect(readSentTime(row, 'expired_at')).toBe(since + 6000)
    })
  })

  describe('a session that another session follows', { concurrent: false }, () => {
    let user: Visitor
    const getHost = () => env.hosts.app
    beforeEach(async () => {
      user = await createVisitor(engine, env, getHost())
    })
    afterEach(() => user.browser.close())

    test('leaves one row for its user when another user signs in on the login page', async () => {
      const { sid } = await user.signIn()
      await user.waitUntilExpired()
      await user.open('/login')
      await user.tab.evaluate(`document.forms[0].user.value = '${user.otherSubject}'`)
      await user.tab.click('form button')
      await user.waitForPath('/')
      expect(await user.expectOneRow()).toMatchObject({
        reason: 'idle_timeout',
        subject: user.subject,
        session: sid,
        detected_by: 'login_page',
      })
      expect(await user.readMarker()).toMatchObject({ sub: user.otherSubject })
    })

    test('leaves one row for its user when another user signs in without a login page', async () => {
      const { sid, id } = await user.signIn()
      await user.waitUntilExpired()
      const next = await user.signIn(user.otherSubject)
      expect(await user.expectOneRow()).toMatchObject({
        reason: 'idle_timeout',
        subject: user.subject,
        session: sid,
        marker: id,
        detected_by: 'new_session',
      })
      expect(next.id).not.toBe(id)
    })

    test('leaves one row, and a marker with the new alias, after a silent sign-in on another origin', async () => {
      const { sid, id } = await user.signIn()
      await user.waitUntilExpired()
      await user.open(`/?sso=silent&user=${user.subject}`)
      expect(await user.readPathname()).toBe('/')
      expect(await user.expectOneRow()).toMatchObject({
        reason: 'idle_timeout',
        session: sid,
        detected_by: 'new_session',
      })
      const marker = await user.readMarker()
      expect(marker?.sid).toBe(getHost().findSession(user.subject)?.alias)
      expect(marker?.id).not.toBe(id)
    })

    test('leaves one row after single sign-on, with a login page on another origin without the script', async () => {
      const { sid } = await user.signIn()
      await user.waitUntilExpired()
      await user.open(`/?sso=page&user=${user.subject}`)
      expect(await user.tab.url()).toContain('//localhost:')
      await user.tab.click('#sign-in')
      await user.waitForPath('/')
      expect(await user.expectOneRow()).toMatchObject({
        reason: 'idle_timeout',
        session: sid,
        detected_by: 'new_session',
      })
    })

    test('leaves one row when an anonymous session follows, which leaves none', async () => {
      await user.open('/login?anonymous=1')
      await user.expectNoRow()
      expect(await user.readMarker()).toBeUndefined()
      const { sid } = await user.signIn()
      await user.waitUntilExpired()
      await user.open('/login?anonymous=1')
      await user.tab.reload()
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', session: sid })
      expect(await user.readMarker()).toBeUndefined()
    })
  })

  describe('a session that is still active', { concurrent: false }, () => {
    let user: Visitor
    beforeEach(async () => {
      user = await createVisitor(engine, env, env.hosts.app)
    })
    afterEach(() => user.browser.close())

    test.each([
      { behavior: 'redirects to the application', path: '/login' },
      { behavior: 'states that there is a session', path: '/login?stay=1&data-state=active' },
      { behavior: 'checks for a session', path: '/login?stay=1&data-state=probe:/api/me' },
    ])(
      'leaves no row and keeps its marker when the user opens a login page that $behavior',
      async ({ path }) => {
        const { id, sid } = await user.signIn()
        await user.open(path)
        await user.expectNoRow()
        expect(await user.readMarker()).toMatchObject({ id, sid, sub: user.subject })
      },
    )
  })

  describe('a session in a browser that is closed and started again', { concurrent: false }, () => {
    let profile: string
    let browser: Browser | undefined
    beforeEach(() => {
      profile = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    })
    afterEach(async () => {
      await browser?.close()
      rmSync(profile, { recursive: true, force: true })
    })

    async function restartBrowser(host: 'patient' | 'brief', meanwhile: (user: Visitor) => Promise<void>) {
      const before = await createVisitor(engine, env, env.hosts[host], profile)
      browser = before.browser
      const marker = await before.signIn()
      await browser.close()
      browser = undefined
      await meanwhile(before)
      browser = await engine.launch(profile)
      const user = createVisitorInTab(browser, await browser.newTab(), env, env.hosts[host], before)
      await user.open('/')
      expect(await user.readPathname()).toBe('/login')
      return { user, marker }
    }

    test('leaves one browser_closed row before the timeout', async () => {
      const { user, marker } = await restartBrowser('patient', async () => {})
      expect(await user.expectOneRow()).toMatchObject({
        reason: 'browser_closed',
        browser_restarted: 1,
        session: marker.sid,
        expired_at: null,
      })
      expect(await user.readMarker()).toBeUndefined()
    })

    test('leaves one idle_timeout row after the timeout', async () => {
      const { user, marker } = await restartBrowser('brief', (before) => before.waitUntilExpired())
      expect(await user.expectOneRow()).toMatchObject({
        reason: 'idle_timeout',
        browser_restarted: 1,
        session: marker.sid,
      })
    })
  })
})
