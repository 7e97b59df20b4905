import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Browser } from '../engines/engine.ts'
import { createEngines } from '../engines/engines.ts'
import { type Stage, startStage } from './stage.ts'
import { readSentTime, type Visitor, visit, visitWith } from './visitor.ts'

const sites = {
  app: { idleTimeoutSeconds: 3 },
  /** The marker is created later than the session, when the first page has loaded. The grace of 2 s covers that. */
  strict: { idleTimeoutSeconds: 20, absoluteTimeoutSeconds: 6 },
  /** Sessions that end with the browser. Those of `patient` last longer than a browser takes to start. */
  brief: { idleTimeoutSeconds: 3, untilBrowserCloses: true },
  patient: { idleTimeoutSeconds: 60, untilBrowserCloses: true },
}

let stage: Stage<keyof typeof sites>
beforeAll(async () => {
  stage = await startStage(sites)
})
afterAll(() => stage.end())

// The engines run in parallel, because the tests mostly wait. In each engine, one test runs after the other.
describe.concurrent.each(createEngines())('In $name,', (engine) => {
  afterAll(() => engine.stop())

  describe('a session', { concurrent: false }, () => {
    let user: Visitor
    const app = () => stage.hosts.app
    beforeEach(async () => {
      user = await visit(engine, stage, app())
    })
    afterEach(() => user.browser.close())

    test('leaves no row if there was none: a new visitor opens the login page', async () => {
      await user.open('/login')
      await user.expectNoRow()
      expect(await user.marker()).toBeUndefined()
    })

    test('leaves one row after the idle timeout, with the user, the last access, the expiry and the reason', async () => {
      await user.signIn()
      await user.open('/reports')
      const { alias = '', lastAccessAt = 0 } = app().session(user.subject) ?? {}
      await user.waitUntilExpired()
      await user.open('/')
      expect(await user.pathname()).toBe('/login')
      const row = await user.onlyRow()
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
        origin: app().url,
      })
      const lastAccess = readSentTime(row, 'last_access_at')
      expect(Math.abs(lastAccess - lastAccessAt)).toBeLessThan(1500)
      expect(readSentTime(row, 'expired_at') - lastAccess).toBe(3000)
      expect(await user.tab.evaluate('document.querySelector("[data-lapse-message]").innerText')).toBe(
        'You were signed out after 3 seconds without activity.',
      )
      expect(await user.marker()).toBeUndefined()
    })

    test.each([
      { by: 'a link', selector: '#link b' },
      { by: 'a form', selector: '#form button' },
      { by: 'a script that posts and navigates', selector: '#script' },
    ])('leaves no row after a logout by $by', async ({ selector }) => {
      await user.signIn()
      await user.tab.click(selector)
      await user.waitForPath('/login')
      expect(app().session(user.subject)).toBeUndefined()
      expect(await user.marker()).toBeUndefined()
      await user.expectNoRow()
    })

    test('leaves one logout row after a logout that asks for a report', async () => {
      await user.signIn()
      await user.open('/spa')
      await user.waitForTitle('Application')
      const { sid } = (await user.marker()) ?? {}
      await user.tab.evaluate('signOut({ report: true })')
      expect(await user.onlyRow()).toMatchObject({ reason: 'logout', detected_by: 'logout', session: sid })
      expect(await user.tab.evaluate('document.title')).toBe('Login')
      expect(await user.marker()).toBeUndefined()
    })

    test('leaves one ended_early row when the server ends it before its timeout', async () => {
      const { patient } = stage.hosts
      const own = visitWith(user.browser, user.tab, stage, patient, user)
      const { sid = '' } = await own.signIn()
      expect(patient.drop(sid)).toBe(true)
      await own.open('/')
      expect(await own.onlyRow()).toMatchObject({
        reason: 'ended_early',
        subject: own.subject,
        session: sid,
        expired_at: null,
      })
    })

    test('leaves one absolute_timeout row when it reaches that limit while in use', async () => {
      const { strict } = stage.hosts
      const own = visitWith(user.browser, user.tab, stage, strict, user)
      const { since } = await own.signIn()
      await own.open('/reports?data-idle-timeout-seconds=20')
      await own.tab.evaluate("void setInterval(() => fetch('/api/me').then((answer) => answer.text()), 500)")
      // The marker is younger than the session, so its limit is reached a little later than on the host.
      while (strict.session(own.subject) || Date.now() < since + 6000) await sleep(100)
      await own.open('/')
      const row = await own.onlyRow()
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
    const app = () => stage.hosts.app
    beforeEach(async () => {
      user = await visit(engine, stage, app())
    })
    afterEach(() => user.browser.close())

    test('leaves one row for its user when another user signs in on the login page', async () => {
      const { sid } = await user.signIn()
      await user.waitUntilExpired()
      await user.open('/login')
      await user.tab.evaluate(`document.forms[0].user.value = '${user.otherSubject}'`)
      await user.tab.click('form button')
      await user.waitForPath('/')
      expect(await user.onlyRow()).toMatchObject({
        reason: 'idle_timeout',
        subject: user.subject,
        session: sid,
        detected_by: 'login_page',
      })
      expect(await user.marker()).toMatchObject({ sub: user.otherSubject })
    })

    test('leaves one row for its user when another user signs in without a login page', async () => {
      const { sid, id } = await user.signIn()
      await user.waitUntilExpired()
      const next = await user.signIn(user.otherSubject)
      expect(await user.onlyRow()).toMatchObject({
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
      expect(await user.pathname()).toBe('/')
      expect(await user.onlyRow()).toMatchObject({
        reason: 'idle_timeout',
        session: sid,
        detected_by: 'new_session',
      })
      const marker = await user.marker()
      expect(marker?.sid).toBe(app().session(user.subject)?.alias)
      expect(marker?.id).not.toBe(id)
    })

    test('leaves one row after single sign-on, with a login page on another origin without the script', async () => {
      const { sid } = await user.signIn()
      await user.waitUntilExpired()
      await user.open(`/?sso=page&user=${user.subject}`)
      expect(await user.tab.url()).toContain('//localhost:')
      await user.tab.click('#sign-in')
      await user.waitForPath('/')
      expect(await user.onlyRow()).toMatchObject({
        reason: 'idle_timeout',
        session: sid,
        detected_by: 'new_session',
      })
    })

    test('leaves one row when an anonymous session follows, which leaves none', async () => {
      await user.open('/login?anonymous=1')
      await user.expectNoRow()
      expect(await user.marker()).toBeUndefined()
      const { sid } = await user.signIn()
      await user.waitUntilExpired()
      await user.open('/login?anonymous=1')
      await user.tab.reload()
      expect(await user.onlyRow()).toMatchObject({ reason: 'idle_timeout', session: sid })
      expect(await user.marker()).toBeUndefined()
    })
  })

  describe('a session that is still active', { concurrent: false }, () => {
    let user: Visitor
    beforeEach(async () => {
      user = await visit(engine, stage, stage.hosts.app)
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
        expect(await user.marker()).toMatchObject({ id, sid, sub: user.subject })
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

    async function comeBack(host: 'patient' | 'brief', meanwhile: (user: Visitor) => Promise<void>) {
      const before = await visit(engine, stage, stage.hosts[host], profile)
      browser = before.browser
      const marker = await before.signIn()
      await browser.close()
      browser = undefined
      await meanwhile(before)
      browser = await engine.launch(profile)
      const user = visitWith(browser, await browser.newTab(), stage, stage.hosts[host], before)
      await user.open('/')
      expect(await user.pathname()).toBe('/login')
      return { user, marker }
    }

    test('leaves one browser_closed row before the timeout', async () => {
      const { user, marker } = await comeBack('patient', async () => {})
      expect(await user.onlyRow()).toMatchObject({
        reason: 'browser_closed',
        browser_restarted: 1,
        session: marker.sid,
        expired_at: null,
      })
      expect(await user.marker()).toBeUndefined()
    })

    test('leaves one idle_timeout row after the timeout', async () => {
      const { user, marker } = await comeBack('brief', (before) => before.waitUntilExpired())
      expect(await user.onlyRow()).toMatchObject({
        reason: 'idle_timeout',
        browser_restarted: 1,
        session: marker.sid,
      })
    })
  })
})
