import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, inject, test } from 'vitest'
import { expectNoRow as expectNoRowIn, expectOneRow } from '../../../test/auditRows.ts'
import { browserOptions } from '../../../test/browser.ts'
import { timeOf } from '../../../test/databases.ts'
import { createStage, type Stage, type Variant } from './stage.ts'

// The application keeps its own data in MySQL or MariaDB.
const servers = inject('databaseServers').filter(({ url }) => url !== undefined)

let browser: Browser
beforeAll(async () => {
  browser = await chromium.launch(browserOptions())
})
afterAll(() => browser.close())

describe.each(servers)('the Django example in Chromium, on $name', (server) => {
  let stage: Stage
  let url: string
  let context: BrowserContext
  let page: Page
  beforeAll(async () => {
    stage = await createStage(server)
  }, 300_000)
  afterAll(() => stage.end())

  afterEach(async () => {
    await context.close()
    await stage.collector.database.sql('session_audit').delete()
    for (const table of ['django_session', 'audit']) await stage.database.sql(table).delete()
  })

  /** A browser that has not been there; what the middleware finds, it finds without JavaScript. */
  async function visit(variant: Variant): Promise<void> {
    url = stage.urlOf(variant)
    context = await browser.newContext({ javaScriptEnabled: variant !== 'middleware' })
    page = await context.newPage()
  }

  const open = (path: string) => page.goto(`${url}${path}`)
  const pathOf = (tab: Page) => new URL(tab.url()).pathname
  const idleOut = () => sleep(4000)

  async function signIn(): Promise<void> {
    await open('/login/')
    await page.fill('[name=username]', stage.user.name)
    await page.fill('[name=password]', stage.user.password)
    await page.click('button')
    await page.waitForURL(`${url}/`)
    await expect.poll(markers).toHaveLength(1)
  }

  async function signOut(): Promise<void> {
    await page.click('[data-lapse-logout] button')
    await page.waitForURL(`${url}/login/`)
  }

  async function markerCookies() {
    const cookies = await context.cookies(url)
    return cookies.filter(({ name }) => ['lapse-acme', 'lapse_marker'].includes(name))
  }

  async function markers(): Promise<readonly string[]> {
    return (await markerCookies()).map(({ value }) => value)
  }

  /** Runs Python in the application, and gives what it prints. */
  const python = (code: string) => stage.manage('shell', '--command', code)

  async function sessionKey(): Promise<string | undefined> {
    return (await context.cookies(url)).find(({ name }) => name === 'sessionid')?.value
  }

  const onlyRow = () => expectOneRow(stage.collector.database)

  async function expectNoRow(): Promise<void> {
    await page.waitForLoadState('networkidle')
    await expectNoRowIn(stage.collector.database)
  }

  describe('with the script', () => {
    test('an idle session leaves one signed row, under an alias that is not its key', async () => {
      await visit('script')
      await signIn()
      const alias = await page.getAttribute('[data-session]', 'data-session')
      const key = await sessionKey()
      expect(alias).toMatch(/^[0-9a-f]{32}$/)
      expect(alias).not.toBe(key)
      await page.reload()
      expect(await page.getAttribute('[data-session]', 'data-session')).toBe(alias)
      await idleOut()
      await open('/')
      expect(pathOf(page)).toBe('/login/')
      const row = await onlyRow()
      expect(row).toMatchObject({
        site: 'acme',
        session: alias,
        subject: stage.user.id,
        reason: 'idle_timeout',
        evidence: 'signed',
        detected_by: 'login_page',
        idle_timeout_seconds: 3,
      })
      const message = page.locator('[data-lapse-message]')
      expect(await message.textContent()).toBe('You were signed out after 3 seconds without activity.')
      expect(await markers()).toEqual([])
      // The visitor's session of the login page is there, and is no sign-in.
      expect(await sessionKey()).not.toBe(key)
      await page.reload()
      expect(await onlyRow()).toEqual(row)
    })

    test('the row of an idle session is in the application’s own table too, and its user sees it there', async () => {
      await visit('script')
      await signIn()
      await idleOut()
      await open('/')
      const { expired_at } = await onlyRow()
      const [entry] = await stage.database.rows('audit')
      expect(entry).toMatchObject({ user_id: Number(stage.user.id), event: 'idle_timeout', at: expired_at })
      await signIn()
      expect(await page.locator('tbody tr').allTextContents()).toEqual([
        expect.stringContaining('idle_timeout'),
      ])
    })

    test('signing out leaves no row', async () => {
      await visit('script')
      await signIn()
      await signOut()
      await page.reload()
      await expectNoRow()
    })

    test('a visitor’s session on the login page leaves no row', async () => {
      await visit('script')
      await open('/login/')
      expect(await sessionKey()).toBeDefined()
      await open('/login/')
      await expectNoRow()
    })
    test('the login page opened in a live session leaves no row and the same marker', async () => {
      await visit('scriptLong')
      await signIn()
      const idOf = async () => new URLSearchParams((await markers())[0]).get('id')
      const id = await idOf()
      await open('/login/')
      expect(pathOf(page)).toBe('/')
      await expectNoRow()
      expect(await idOf()).toBe(id)
    })

    test('a session that is deleted on the server has ended early', async () => {
      await visit('scriptLong')
      await signIn()
      await stage.database.sql('django_session').delete()
      await open('/')
      expect(await onlyRow()).toMatchObject({ reason: 'ended_early', evidence: 'signed', expired_at: null })
    })
  })

  describe('with the middleware, without a script', () => {
    test('an idle session leaves one row with the word of a server, and the user is told once', async () => {
      await visit('middleware')
      await signIn()
      await idleOut()
      for (const path of ['/static/person/style.css', '/favicon.ico']) await open(path)
      expect(await stage.collector.database.rows()).toEqual([])
      await open('/')
      expect(pathOf(page)).toBe('/login/')
      const message = page.locator('.message', { hasText: 'because you were not active' })
      expect(await message.count()).toBe(1)
      expect(await onlyRow()).toMatchObject({
        subject: stage.user.id,
        reason: 'idle_timeout',
        evidence: 'server',
        detected_by: 'server',
        idle_timeout_seconds: 3,
      })
      expect(await markers()).toEqual([])
      await page.reload()
      expect(await message.count()).toBe(0)
      await onlyRow()
    })

    test('five requests at once after a lapse leave one row, and one of them sends the signal', async () => {
      await visit('middleware')
      await signIn()
      await idleOut()
      const visits = Array.from({ length: 5 }, () => context.request.get(url, { maxRedirects: 0 }))
      const cookies = (await Promise.all(visits)).map((response) => response.headers()['set-cookie'] ?? '')
      expect(cookies.filter((cookie) => cookie.includes('messages='))).toHaveLength(1)
      await onlyRow()
    })

    test('signing out leaves the row of a logout, and a copy of the marker that is sent later adds none', async () => {
      await visit('middleware')
      await signIn()
      const copies = await markerCookies()
      await signOut()
      expect(await markers()).toEqual([])
      const row = await onlyRow()
      expect(row).toMatchObject({ subject: stage.user.id, reason: 'logout', evidence: 'server' })
      expect(row.expired_at).toBeNull()
      await idleOut()
      await context.addCookies(copies)
      await open('/')
      expect(await page.locator('.message', { hasText: 'because you were not active' }).count()).toBe(0)
      expect(await onlyRow()).toEqual(row)
      expect(await markers()).toEqual([])
    })

    test('a marker that was tampered with leaves no row', async () => {
      await visit('middleware')
      await signIn()
      const forged = await markerCookies()
      await context.clearCookies()
      await context.addCookies(forged.map((cookie) => ({ ...cookie, value: `x${cookie.value}` })))
      await open('/')
      await expectNoRow()
    })

    test('a marker that is older than its cookie may grow leaves no row', async () => {
      await visit('middleware')
      const value = await python(`
from time import time
from unittest.mock import patch
from django.core import signing
from lapse.middleware import COOKIE, MAX_AGE_SECONDS
signed_at = time() - MAX_AGE_SECONDS - 60
marker = {"session": "a1f", "subject": "1", "startedAt": 0, "lastAccessAt": 0}
with patch("time.time", return_value=signed_at):
    print(signing.dumps(marker, salt=COOKIE))
`)
      await context.addCookies([{ name: 'lapse_marker', value: value.trim(), url }])
      await open('/')
      await expectNoRow()
    })

    test('a lapse found while the collector is down is recorded later, whoever is signed in then', async () => {
      await visit('middleware')
      await signIn()
      await idleOut()
      await stage.collector.stop()
      try {
        await open('/')
        await signIn()
      } finally {
        await stage.collector.start()
      }
      expect(await stage.collector.database.rows()).toEqual([])
      await open('/')
      expect(await onlyRow()).toMatchObject({ reason: 'idle_timeout', subject: stage.user.id })
    })
  })

  describe('with the table of sessions', () => {
    const reportLapses = () => stage.manage('reportlapses', '--grace', '0')
    const sessions = () => stage.database.sql('django_session')
    const ownSession = async () => sessions().where('session_key', (await sessionKey()) ?? '')
    const sessionKeys = () => sessions().orderBy('session_key').pluck('session_key')

    /** Puts a session into the table that expired before any other, by this application's key or another. */
    const addExpired = (key: string, data: object, secretKey = '') =>
      python(`
from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.test import override_settings
from django.utils import timezone
with override_settings(SECRET_KEY="${secretKey}" or settings.SECRET_KEY):
    data = SessionStore().encode(${JSON.stringify(data)})
expired_at = timezone.now() - timezone.timedelta(hours=1)
Session.objects.create(session_key="${key}", session_data=data, expire_date=expired_at)
`)

    test('a session whose user never came back leaves a row and is deleted; a later visit adds none', async () => {
      await visit('script')
      await signIn()
      const [session] = await ownSession()
      await idleOut()
      expect(await reportLapses()).toBe('Recorded 1 sessions.\n')
      const row = await onlyRow()
      expect(row).toMatchObject({ subject: stage.user.id, reason: 'idle_timeout', evidence: 'server' })
      expect(timeOf(row.expired_at)).toBe(timeOf(session.expire_date))
      expect(await sessions()).toEqual([])

      await open('/login/')
      await page.locator('[data-lapse-message]').waitFor()
      expect(await onlyRow()).toEqual(row)
      expect(await markers()).toEqual([])
    })

    test('while the collector is down nothing is deleted, and the next run records it', async () => {
      await visit('script')
      await signIn()
      const before = await ownSession()
      await idleOut()
      await stage.collector.stop()
      try {
        await expect(reportLapses()).rejects.toThrow('the others are kept for the next run')
        expect(await sessions()).toEqual(before)
      } finally {
        await stage.collector.start()
      }
      expect(await reportLapses()).toBe('Recorded 1 sessions.\n')
      expect(await sessions()).toEqual([])
      await onlyRow()
    })

    test('a session that the collector refuses is kept, and the ones after it are recorded', async () => {
      await visit('script')
      await addExpired('refused', { lapse: { session: 'a\u0001', subject: '1', startedAt: 0 } })
      await signIn()
      await idleOut()
      await expect(reportLapses()).rejects.toThrow(
        /422.*\/session.*Recorded 1 sessions; 1 are kept for the next run\./s,
      )
      expect(await sessionKeys()).toEqual(['refused'])
      expect(await onlyRow()).toMatchObject({ subject: stage.user.id, reason: 'idle_timeout' })
    })

    test('a session that cannot be decoded is kept, and told of; an empty one is deleted', async () => {
      await visit('script')
      await addExpired('empty', {})
      await addExpired('foreign', { lapse: { session: 'a1f' } }, 'the key before this one')
      const said = await reportLapses()
      expect(said).toContain('Recorded 0 sessions.\n')
      expect(said).toContain('Kept 1 sessions that cannot be decoded.\n')
      expect(await sessionKeys()).toEqual(['foreign'])
      await expectNoRow()
    })

    test('live sessions stay, and a visitor’s that expired is deleted without a row', async () => {
      await visit('scriptLong')
      await open('/login/')
      await sessions().update({ expire_date: new Date(Date.now() - 1000) })
      await signIn()
      expect(await sessions()).toHaveLength(2)
      expect(await reportLapses()).toBe('Recorded 0 sessions.\n')
      expect(await sessions()).toEqual(await ownSession())
      await expectNoRow()
    })
  })
})
