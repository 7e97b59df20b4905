import { type Browser, chromium } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { createBrowserOptions } from '../../../test/browser.ts'
import { readStoredTime } from '../../../test/databases.ts'
import {
  addExpiredSession,
  type DjangoExample,
  signOutdatedMarker,
  startDjangoExample,
  type Variant,
} from './startDjangoExample.ts'
import { createVisitor, type Visitor } from './visitor.ts'

// The application keeps its own data in MySQL or MariaDB.
// One server is enough: the collector is tested on all of them, and Django's own queries are not the subject.
const servers = inject('databaseServers').filter(({ name }) => name === 'MariaDB')

const idleMessage = 'because you were not active'

let browser: Browser
beforeAll(async () => {
  browser = await chromium.launch(createBrowserOptions())
})
afterAll(() => browser.close())

describe.each(servers)('The Django example in Chromium, on $name,', (server) => {
  let example: DjangoExample
  let user: Visitor
  beforeAll(async () => {
    example = await startDjangoExample(server)
  }, 300_000)
  afterAll(() => example.end())

  afterEach(async () => {
    await user.context.close()
    await example.collector.database.sql('session_audit').delete()
    for (const table of ['django_session', 'audit']) await example.database.sql(table).delete()
  })

  const openVisitor = async (variant: Variant) => {
    user = await createVisitor(browser, example, variant)
  }

  describe('with the script,', () => {
    test('records one signed row for an idle session, under an alias that is not its key', async () => {
      await openVisitor('script')
      await user.signIn()
      const alias = await user.page.getAttribute('[data-session]', 'data-session')
      const key = await user.readSessionKey()
      expect(alias).toMatch(/^[0-9a-f]{32}$/)
      expect(alias).not.toBe(key)
      await user.page.reload()
      expect(await user.page.getAttribute('[data-session]', 'data-session')).toBe(alias)
      await user.waitUntilExpired()
      await user.open('/')
      expect(user.readPath()).toBe('/login/')
      const row = await user.expectOneRow()
      expect(row).toMatchObject({
        site: 'acme',
        session: alias,
        subject: example.user.id,
        reason: 'idle_timeout',
        evidence: 'signed',
        detected_by: 'login_page',
        idle_timeout_seconds: 3,
      })
      await user.page.getByText('You were signed out after 3 seconds without activity.').waitFor()
      await expect.poll(user.readMarkers).toEqual([])
      // The login page has created an anonymous session.
      expect(await user.readSessionKey()).not.toBe(key)
      await user.page.reload()
      expect(await user.expectOneRow()).toEqual(row)
    })

    test('copies the row of an idle session to the application’s own table, where the user sees it', async () => {
      await openVisitor('script')
      await user.signIn()
      await user.waitUntilExpired()
      await user.open('/')
      const { expired_at } = await user.expectOneRow()
      const [entry] = await example.database.readRows('audit')
      expect(entry).toMatchObject({ user_id: Number(example.user.id), event: 'idle_timeout', at: expired_at })
      await user.signIn()
      await expect
        .poll(() => user.page.locator('tbody tr').allTextContents())
        .toEqual([expect.stringContaining('idle_timeout')])
    })

    test('records a logout once when the user signs out', async () => {
      await openVisitor('script')
      await user.signIn()
      await user.signOut()
      await user.page.reload()
      expect(await user.expectOneRow()).toMatchObject({
        subject: example.user.id,
        reason: 'logout',
        evidence: 'server',
      })
    })

    test('records no row for a visitor’s session on the login page', async () => {
      await openVisitor('script')
      await user.open('/login/')
      expect(await user.readSessionKey()).toBeDefined()
      await user.open('/login/')
      await user.expectNoRow()
    })
    test('records no row and keeps the marker when the login page is opened in a live session', async () => {
      await openVisitor('scriptLong')
      await user.signIn()
      const readId = async () => new URLSearchParams((await user.readMarkers())[0]).get('id')
      const id = await readId()
      await user.open('/login/')
      expect(user.readPath()).toBe('/')
      await user.expectNoRow()
      expect(await readId()).toBe(id)
    })

    test('records ended_early for a session that is deleted on the server', async () => {
      await openVisitor('scriptLong')
      await user.signIn()
      await example.database.sql('django_session').delete()
      await user.open('/')
      expect(await user.expectOneRow()).toMatchObject({
        reason: 'ended_early',
        evidence: 'signed',
        expired_at: null,
      })
    })
  })

  describe('with the middleware, without a script,', () => {
    test('records one row with server evidence for an idle session, and tells the user once', async () => {
      await openVisitor('middleware')
      await user.signIn()
      await user.waitUntilExpired()
      for (const path of ['/static/person/style.css', '/favicon.ico']) await user.open(path)
      expect(await example.collector.database.readRows()).toEqual([])
      await user.open('/')
      expect(user.readPath()).toBe('/login/')
      const message = user.page.locator('.message', { hasText: idleMessage })
      expect(await message.count()).toBe(1)
      expect(await user.expectOneRow()).toMatchObject({
        subject: example.user.id,
        reason: 'idle_timeout',
        evidence: 'server',
        detected_by: 'server',
        idle_timeout_seconds: 3,
      })
      expect(await user.readMarkers()).toEqual([])
      await user.page.reload()
      expect(await message.count()).toBe(0)
      await user.expectOneRow()
    })

    test('records one row and sends one signal for five concurrent requests after a timeout', async () => {
      await openVisitor('middleware')
      await user.signIn()
      await user.waitUntilExpired()
      const visits = Array.from({ length: 5 }, () => user.context.request.get(user.url, { maxRedirects: 0 }))
      const cookies = (await Promise.all(visits)).map((response) => response.headers()['set-cookie'] ?? '')
      expect(cookies.filter((cookie) => cookie.includes('messages='))).toHaveLength(1)
      await user.expectOneRow()
    })

    test('records a logout when the user signs out, and no second row for a copy of the marker', async () => {
      await openVisitor('middleware')
      await user.signIn()
      const copies = await user.readMarkerCookies()
      await user.signOut()
      expect(await user.readMarkers()).toEqual([])
      const row = await user.expectOneRow()
      expect(row).toMatchObject({ subject: example.user.id, reason: 'logout', evidence: 'server' })
      expect(row.expired_at).toBeNull()
      await user.waitUntilExpired()
      await user.context.addCookies(copies)
      await user.open('/')
      expect(await user.page.locator('.message', { hasText: idleMessage }).count()).toBe(0)
      expect(await user.expectOneRow()).toEqual(row)
      expect(await user.readMarkers()).toEqual([])
    })

    test('records no row for a marker that was tampered with', async () => {
      await openVisitor('middleware')
      await user.signIn()
      const forged = await user.readMarkerCookies()
      await user.context.clearCookies()
      await user.context.addCookies(forged.map((cookie) => ({ ...cookie, value: `x${cookie.value}` })))
      await user.open('/')
      await user.expectNoRow()
    })

    test('records no row for a marker that is older than its cookie can be', async () => {
      await openVisitor('middleware')
      const value = await signOutdatedMarker(example)
      await user.context.addCookies([{ name: 'lapse_marker', value, url: user.url }])
      await user.open('/')
      await user.expectNoRow()
    })

    test('records a timeout when the collector is back, without another visit', async () => {
      await openVisitor('middleware')
      await user.signIn()
      await user.waitUntilExpired()
      await example.collector.stop()
      try {
        await user.open('/')
        expect(await user.readMarkers()).toEqual([])
      } finally {
        await example.collector.start()
      }
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', subject: example.user.id })
    })
  })

  describe('with the sessions table,', () => {
    const reportLapses = () => example.runManage('reportlapses', '--grace', '0')
    const readSessions = () => example.database.sql('django_session')
    const readOwnSession = async () =>
      readSessions().where('session_key', (await user.readSessionKey()) ?? '')
    const readSessionKeys = () => readSessions().orderBy('session_key').pluck('session_key')

    test('records and deletes a session whose user never came back, and a later visit adds no row', async () => {
      await openVisitor('script')
      await user.signIn()
      const [session] = await readOwnSession()
      await user.waitUntilExpired()
      expect(await reportLapses()).toBe('Sessions recorded: 1.\n')
      const row = await user.expectOneRow()
      expect(row).toMatchObject({ subject: example.user.id, reason: 'idle_timeout', evidence: 'server' })
      // Give or take the duration of the request, by which clocks are compared.
      const difference = readStoredTime(row.expired_at) - readStoredTime(session.expire_date)
      expect(Math.abs(difference)).toBeLessThan(1000)
      expect(await readSessions()).toEqual([])

      await user.open('/login/')
      await user.page.locator('[data-lapse-message]').waitFor()
      expect(await user.expectOneRow()).toEqual(row)
      expect(await user.readMarkers()).toEqual([])
    })

    test('deletes nothing while the collector is down, and the next run records the session', async () => {
      await openVisitor('script')
      await user.signIn()
      const before = await readOwnSession()
      await user.waitUntilExpired()
      await example.collector.stop()
      try {
        await expect(reportLapses()).rejects.toThrow('The others are kept for the next run')
        expect(await readSessions()).toEqual(before)
      } finally {
        await example.collector.start()
      }
      expect(await reportLapses()).toBe('Sessions recorded: 1.\n')
      expect(await readSessions()).toEqual([])
      await user.expectOneRow()
    })

    test('keeps a session that the collector refuses, and records the sessions after it', async () => {
      await openVisitor('script')
      await addExpiredSession(example, 'refused', {
        lapse: { session: 'a\u0001', subject: '1', startedAt: 0 },
      })
      await user.signIn()
      await user.waitUntilExpired()
      await expect(reportLapses()).rejects.toThrow(
        /422.*\/session.*Sessions recorded: 1\. Kept for the next run: 1\./s,
      )
      expect(await readSessionKeys()).toEqual(['refused'])
      expect(await user.expectOneRow()).toMatchObject({ subject: example.user.id, reason: 'idle_timeout' })
    })

    test('keeps a session that cannot be decoded and says so, and deletes an empty session', async () => {
      await openVisitor('script')
      await addExpiredSession(example, 'empty', {})
      await addExpiredSession(example, 'foreign', { lapse: { session: 'a1f' } }, 'the key before this one')
      const output = await reportLapses()
      expect(output).toContain('Sessions recorded: 0.\n')
      expect(output).toContain('Sessions kept that cannot be decoded: 1.\n')
      expect(await readSessionKeys()).toEqual(['foreign'])
      await user.expectNoRow()
    })

    test('keeps live sessions, and deletes a visitor’s expired session without a row', async () => {
      await openVisitor('scriptLong')
      await user.open('/login/')
      await readSessions().update({ expire_date: new Date(Date.now() - 1000) })
      await user.signIn()
      expect(await readSessions()).toHaveLength(2)
      expect(await reportLapses()).toBe('Sessions recorded: 0.\n')
      expect(await readSessions()).toEqual(await readOwnSession())
      await user.expectNoRow()
    })
  })
})
