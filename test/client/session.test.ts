import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Browser } from '../engines/engine.ts'
import { createEngines } from '../engines/engines.ts'
import { type Stage, startStage } from './stage.ts'
import { sentTime, type Visitor, visit, visitWith } from './visitor.ts'

const sites = {
  app: { idleTimeoutSeconds: 3 },
  /** Grace is a tenth of the idle timeout. The marker is younger than the session by the first page's load. */
  strict: { idleTimeoutSeconds: 20, absoluteTimeoutSeconds: 6 },
  /** Their sessions end with the browser; the second one's last longer than a browser takes to start. */
  brief: { idleTimeoutSeconds: 3, untilBrowserCloses: true },
  patient: { idleTimeoutSeconds: 60, untilBrowserCloses: true },
}

let stage: Stage<keyof typeof sites>
beforeAll(async () => {
  stage = await startStage(sites)
})
afterAll(() => stage.end())

// The engines side by side, because most of the time is waiting; in each engine one scenario after the other.
describe.concurrent.each(createEngines())('a session in $name', (engine) => {
  afterAll(() => engine.stop())

  describe('that ends', { concurrent: false }, () => {
    let user: Visitor
    const app = () => stage.hosts.app
    beforeEach(async () => {
      user = await visit(engine, stage, app())
    })
    afterEach(() => user.browser.close())

    test('never was: a new visitor opens the login page, and there is no row', async () => {
      await user.open('/login')
      await user.expectNoRow()
      expect(await user.marker()).toBeUndefined()
    })

    test('idle: one row says whose it was, when they were last there, when it expired and why', async () => {
      await user.signIn()
      await user.open('/reports')
      const { alias = '', lastAccessAt = 0 } = app().session(user.subject) ?? {}
      await user.idleOut()
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
      const lastAccess = sentTime(row, 'last_access_at')
      expect(Math.abs(lastAccess - lastAccessAt)).toBeLessThan(1500)
      expect(sentTime(row, 'expired_at') - lastAccess).toBe(3000)
      expect(await user.tab.evaluate('document.querySelector("[data-lapse-message]").innerText')).toBe(
        'You were signed out after 3 seconds without activity.',
      )
      expect(await user.marker()).toBeUndefined()
    })

    test.each([
      { by: 'a link', selector: '#link b' },
      { by: 'a form', selector: '#form button' },
      { by: 'a script that posts and goes on', selector: '#script' },
    ])('by logout through $by: no row', async ({ selector }) => {
      await user.signIn()
      await user.tab.click(selector)
      await user.arriveAt('/login')
      expect(app().session(user.subject)).toBeUndefined()
      expect(await user.marker()).toBeUndefined()
      await user.expectNoRow()
    })

    test('by logout that is reported: one logout row', async () => {
      await user.signIn()
      await user.open('/spa')
      await user.titled('Application')
      const { sid } = (await user.marker()) ?? {}
      await user.tab.evaluate('signOut({ report: true })')
      expect(await user.onlyRow()).toMatchObject({ reason: 'logout', detected_by: 'logout', session: sid })
      expect(await user.tab.evaluate('document.title')).toBe('Login')
      expect(await user.marker()).toBeUndefined()
    })

    test('before its time, by the server: one ended_early row', async () => {
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

    test('at its absolute timeout while it is in use: one absolute_timeout row', async () => {
      const { strict } = stage.hosts
      const own = visitWith(user.browser, user.tab, stage, strict, user)
      const { since } = await own.signIn()
      await own.open('/reports?data-idle-timeout-seconds=20')
      await own.tab.evaluate("void setInterval(() => fetch('/api/me').then((answer) => answer.text()), 500)")
      // By its marker, which is younger, the session ends a little later than on the host.
      while (strict.session(own.subject) || Date.now() < since + 6000) await sleep(100)
      await own.open('/')
      const row = await own.onlyRow()
      expect(row).toMatchObject({
        reason: 'absolute_timeout',
        absolute_timeout_seconds: 6,
        subject: own.subject,
      })
      expect(sentTime(row, 'expired_at')).toBe(since + 6000)
    })
  })

  describe('that another one follows', { concurrent: false }, () => {
    let user: Visitor
    const app = () => stage.hosts.app
    beforeEach(async () => {
      user = await visit(engine, stage, app())
    })
    afterEach(() => user.browser.close())

    test('of another user, by the login page: one row, of the first one', async () => {
      const { sid } = await user.signIn()
      await user.idleOut()
      await user.open('/login')
      await user.tab.evaluate(`document.forms[0].user.value = '${user.otherSubject}'`)
      await user.tab.click('form button')
      await user.arriveAt('/')
      expect(await user.onlyRow()).toMatchObject({
        reason: 'idle_timeout',
        subject: user.subject,
        session: sid,
        detected_by: 'login_page',
      })
      expect(await user.marker()).toMatchObject({ sub: user.otherSubject })
    })

    test('of another user, without a login page: one row, of the first one', async () => {
      const { sid, id } = await user.signIn()
      await user.idleOut()
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

    test('by a silent re-login on another origin: one row, and a marker with the new alias', async () => {
      const { sid, id } = await user.signIn()
      await user.idleOut()
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

    test('by single sign-on, whose login page is another origin without the script: one row', async () => {
      const { sid } = await user.signIn()
      await user.idleOut()
      await user.open(`/?sso=page&user=${user.subject}`)
      expect(await user.tab.url()).toContain('//localhost:')
      await user.tab.click('#sign-in')
      await user.arriveAt('/')
      expect(await user.onlyRow()).toMatchObject({
        reason: 'idle_timeout',
        session: sid,
        detected_by: 'new_session',
      })
    })

    test('that is anonymous, on the login page: one row, and none for the anonymous one', async () => {
      await user.open('/login?anonymous=1')
      await user.expectNoRow()
      expect(await user.marker()).toBeUndefined()
      const { sid } = await user.signIn()
      await user.idleOut()
      await user.open('/login?anonymous=1')
      await user.tab.reload()
      expect(await user.onlyRow()).toMatchObject({ reason: 'idle_timeout', session: sid })
      expect(await user.marker()).toBeUndefined()
    })
  })

  describe('that lives on', { concurrent: false }, () => {
    let user: Visitor
    beforeEach(async () => {
      user = await visit(engine, stage, stage.hosts.app)
    })
    afterEach(() => user.browser.close())

    test.each([
      { sayingSo: 'leads back to the application', path: '/login' },
      { sayingSo: 'says that there is a session', path: '/login?stay=1&data-state=active' },
      { sayingSo: 'looks for itself', path: '/login?stay=1&data-state=probe:/api/me' },
    ])('while the login page is opened, which $sayingSo: no row, the marker stays', async ({ path }) => {
      const { id, sid } = await user.signIn()
      await user.open(path)
      await user.expectNoRow()
      expect(await user.marker()).toMatchObject({ id, sid, sub: user.subject })
    })
  })

  describe('in a browser that is closed and started again', { concurrent: false }, () => {
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

    test('before the timeout: one browser_closed row', async () => {
      const { user, marker } = await comeBack('patient', async () => {})
      expect(await user.onlyRow()).toMatchObject({
        reason: 'browser_closed',
        browser_restarted: 1,
        session: marker.sid,
        expired_at: null,
      })
      expect(await user.marker()).toBeUndefined()
    })

    test('after the timeout: one idle_timeout row', async () => {
      const { user, marker } = await comeBack('brief', (before) => before.idleOut())
      expect(await user.onlyRow()).toMatchObject({
        reason: 'idle_timeout',
        browser_restarted: 1,
        session: marker.sid,
      })
    })
  })
})
