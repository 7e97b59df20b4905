import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import axe from 'axe-core'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { browserOptions } from '../../../scripts/demo/browser.ts'
import type { DatabaseServer } from '../../../test/servers.ts'
import { mintToken, type Token } from '../src/lapse/token.ts'
import { createCollector, issueToken, origin, type TestCollector } from './collector.ts'
import { insertRows } from './rows.ts'

const minute = 60_000
const noon = Math.floor(Date.now() / 86_400_000) * 86_400_000 - 12 * 60 * minute
const site = { origins: [origin], idleTimeoutSeconds: 1800 }

let browser: Browser
beforeAll(async () => {
  browser = await chromium.launch(browserOptions())
})
afterAll(() => browser.close())
afterEach(() => Promise.all(browser.contexts().map((context) => context.close())))

const issue = (collector: TestCollector, changes: Partial<Token> = {}) =>
  issueToken(collector.store, { name: 'auditors', ...changes })

/** A page that fails the test when it breaks its own policy or throws. */
async function open(url: string, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ timezoneId: 'Europe/Vienna', locale: 'en-GB', ...options })
  const page = await context.newPage()
  page.on('console', (message) => {
    if (/Content.Security.Policy/i.test(message.text())) throw new Error(message.text())
  })
  await page.goto(url)
  return page
}

async function signIn(page: Page, token: string): Promise<void> {
  await page.getByLabel('Token').fill(token)
  await page.getByRole('button', { name: 'Sign in' }).click()
}

const lines = (page: Page) => page.locator('.rows tbody tr')

async function violations(page: Page): Promise<unknown[]> {
  // The page's policy runs no script from elsewhere; the debugger is above that.
  const session = await page.context().newCDPSession(page)
  const evaluate = async (expression: string) =>
    (await session.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true })).result
  await evaluate(axe.source)
  const { value } = await evaluate(
    'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => id + " " + nodes.map((node) => node.html).join()))',
  )
  return value
}

async function createFilled(server: DatabaseServer) {
  const collector = await createCollector(server, { sites: { acme: site, shop: site } })
  const { token } = await issue(collector)
  const rows = Array.from({ length: 60 }, (_, index) => ({
    session: `alias-${index}`,
    detected_at: noon - index * minute,
    subject: `u_${index % 5}`,
    site: index % 2 ? 'acme' : 'shop',
  }))
  await insertRows(collector.database.sql, [
    ...rows,
    { session: 'alias-out', detected_at: noon + minute, reason: 'logout', expired_at: null },
  ])
  return { collector, token }
}

describe.each(inject('databaseServers'))('the dashboard on $name', (server) => {
  test('shows the chart, the return times and the rows to whoever has a token to read', async () => {
    const { collector, token } = await createFilled(server)
    onTestFinished(() => collector.end())
    const page = await open(collector.url)
    await signIn(page, token)
    await page.locator('.chart canvas').waitFor()
    expect(await page.locator('.over .figure').textContent()).toBe('61 sessions')
    expect(await page.locator('.returns .figure').textContent()).toMatch(/^Half came back within 10 min/)
    expect(await lines(page).count()).toBe(50)
    expect(await lines(page).first().textContent()).toContain('Logout')
    const [cookie] = (await page.context().cookies()).filter(({ name }) => name === 'lapse-dashboard')
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/' })
  })
})

const [database] = inject('databaseServers')
if (!database) throw new Error('No database is there.')

describe('the dashboard', () => {
  let collector: TestCollector
  let token: string
  beforeAll(async () => {
    ;({ collector, token } = await createFilled(database))
  })
  afterAll(() => collector.end())

  test('refuses a wrong token, one that is revoked, and one to write', async () => {
    const page = await open(collector.url)
    const revoked = await issue(collector, { revokedAt: new Date() })
    for (const bad of ['nonsense', mintToken().token, revoked.token]) {
      await signIn(page, bad)
      await page.getByText('This token is not good').waitFor()
      await page.reload()
    }
    await signIn(page, (await issue(collector, { scope: 'write' })).token)
    await page.getByText('It needs the scope “read”').waitFor()
    expect(await page.context().cookies()).toEqual([])
  })

  test('keeps the filters in the address, over a reload', async () => {
    const page = await open(collector.url)
    await signIn(page, token)
    await page.getByLabel('Reason').selectOption('Idle timeout')
    await page.getByLabel('Subject').fill('u_3')
    await page.getByLabel('Subject').press('Enter')
    await expect.poll(() => lines(page).count()).toBe(12)
    expect(new URL(page.url()).search).toBe('?reason=idle_timeout&subject=u_3')
    await page.reload()
    await expect.poll(() => lines(page).count()).toBe(12)
    expect(await page.getByLabel('Subject').inputValue()).toBe('u_3')
    await page.getByLabel('Subject').fill('nobody')
    await page.getByLabel('Subject').press('Enter')
    await page.getByText('No row matches.').waitFor()
    expect(await violations(page)).toEqual([])
  })

  test('turns pages, and back', async () => {
    const page = await open(collector.url)
    await signIn(page, token)
    await page.getByRole('link', { name: 'Older' }).click()
    await expect.poll(() => lines(page).count()).toBe(11)
    await page.reload()
    await expect.poll(() => lines(page).count()).toBe(11)
    await page.getByRole('button', { name: 'Newer' }).click()
    await expect.poll(() => lines(page).count()).toBe(50)
  })

  test('explains a verdict in words and times, opened by the keyboard', async () => {
    const page = await open(`${collector.url}/?subject=u_0&site=shop`)
    await signIn(page, token)
    await lines(page).first().getByRole('link').focus()
    await page.keyboard.press('Enter')
    const detail = page.getByRole('dialog', { name: 'Idle timeout' })
    const clock = (at: number) =>
      new Date(at).toLocaleTimeString('en-GB', { timeZone: 'Europe/Vienna', timeStyle: 'medium' })
    const times = [40, 10, 0].map((minutes) => clock(noon - minutes * minute))
    await detail
      .getByText(`Last seen ${times[0]}, limit 30 min, expired ${times[1]}, noticed ${times[2]}.`)
      .waitFor()
    await detail.getByText('That is 10 min past its limit of 30 min.').waitFor()
    expect(await detail.textContent()).toContain(
      `${new Date(noon).toISOString().replace('T', ' ').replace('Z', '')} UTC`,
    )
    expect(await violations(page)).toEqual([])
    await page.keyboard.press('Escape')
    await detail.waitFor({ state: 'detached' })
    expect(new URL(page.url()).search).toBe('?subject=u_0&site=shop')
  })

  test('exports what the filters let through, as CSV', async () => {
    const page = await open(`${collector.url}/?reason=idle_timeout`)
    await signIn(page, token)
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Export CSV' }).click(),
    ])
    const chunks = await (await download.createReadStream()).toArray()
    const text = Buffer.concat(chunks).toString()
    expect(download.suggestedFilename()).toBe('lapses.csv')
    expect(text.trimEnd().split('\r\n')).toHaveLength(61)
  })

  test('shows a new row by itself', async () => {
    const page = await open(`${collector.url}/?session=alias-new`)
    await signIn(page, token)
    await page.getByText('No row matches.').waitFor()
    await insertRows(collector.database.sql, [{ session: 'alias-new', detected_at: noon - 40 * 86_400_000 }])
    await page.goto(`${collector.url}/?session=alias-new&range=90d`)
    await lines(page).first().waitFor()
    await insertRows(collector.database.sql, [
      { session: 'alias-new', session_key: 'another', detected_at: noon },
    ])
    await expect.poll(() => lines(page).count()).toBe(2)
    await expect.poll(() => page.locator('.over .figure').textContent()).toBe('2 sessions')
    await collector.database.sql('session_audit').where({ session: 'alias-new' }).delete()
  })

  test('leaves alone what is being typed when it looks for new rows', async () => {
    const page = await open(collector.url)
    await signIn(page, token)
    await lines(page).first().waitFor()
    await page.getByLabel('Subject').pressSequentially('u_1')
    // The first of the two has been shown when the second one comes.
    for (const _ of [1, 2]) await page.waitForResponse((response) => response.url().includes('v1/lapses?'))
    expect(await page.getByLabel('Subject').inputValue()).toBe('u_1')
    await page.getByLabel('Subject').press('Enter')
    await expect.poll(() => lines(page).count()).toBe(12)
  })

  test('says so when the collector is away, and tries again', async () => {
    const page = await open(collector.url)
    await signIn(page, token)
    await lines(page).first().waitFor()
    await page.context().setOffline(true)
    await page.getByLabel('Subject').fill('u_1')
    await page.getByLabel('Subject').press('Enter')
    const note = page.locator('.rows').getByRole('alert')
    expect(await note.textContent()).toContain('The collector cannot be reached.')
    await page.context().setOffline(false)
    await note.getByRole('button', { name: 'Try again' }).click()
    await expect.poll(() => lines(page).count()).toBe(12)
  })

  test('signs out, and leaves nothing to read with', async () => {
    const page = await open(collector.url)
    await signIn(page, token)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('Token').waitFor()
    expect(await page.evaluate(async () => (await fetch('v1/lapses')).status)).toBe(401)
    await expect
      .poll(async () => (await collector.database.rows()).filter((row) => row.site === 'lapse'))
      .toMatchObject([{ reason: 'logout', evidence: 'signed' }])
    await collector.database.sql('session_audit').where({ site: 'lapse' }).delete()
  })

  test.each(['light', 'dark'] as const)(
    'has nothing for axe to find, and fits a phone, in %s',
    async (colorScheme) => {
      const page = await open(collector.url, { colorScheme })
      expect(await violations(page)).toEqual([])
      await signIn(page, token)
      await page.locator('.chart canvas').waitFor()
      await lines(page).first().waitFor()
      await page.getByText('As a table').click()
      expect(await violations(page)).toEqual([])
      for (const width of [390, 1920]) {
        await page.setViewportSize({ width, height: 800 })
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(width)
      }
    },
  )
})

describe('the session of the dashboard', () => {
  let collector: TestCollector
  beforeAll(async () => {
    const lapse = { origins: ['https://lapse.acme.com'], idleTimeoutSeconds: 3 }
    collector = await createCollector(database, { sites: { acme: site, lapse }, trustProxy: ['127.0.0.1'] })
  })
  afterAll(() => collector.end())

  const post = (token: string, headers: Record<string, string> = {}) =>
    fetch(`${collector.url}/dashboard/session`, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json', Origin: collector.url, ...headers },
      body: JSON.stringify({ token }),
    })
  const cookieOf = (response: Response) => response.headers.get('set-cookie')?.split(';')[0] ?? ''
  const read = (cookie: string, headers: Record<string, string> = {}) =>
    fetch(`${collector.url}/v1/lapses`, { headers: { Cookie: cookie, ...headers } })

  test('ends by its idle timeout, whatever asks by itself, and is a row of the site "lapse"', async () => {
    const { id, token } = await issue(collector)
    const page = await open(collector.url)
    await signIn(page, token)
    await page.getByText('No row matches.').waitFor()
    await page.getByText('You were signed out after 3 s without activity.').waitFor({ timeout: 20_000 })
    const rows = await collector.database.rows()
    expect(rows).toMatchObject([
      { site: 'lapse', subject: id, reason: 'idle_timeout', evidence: 'signed', idle_timeout_seconds: 3 },
    ])
  })

  test('goes on as long as somebody reads', async () => {
    const { token } = await issue(collector)
    let cookie = cookieOf(await post(token))
    for (let times = 0; times < 3; times++) {
      await sleep(1500)
      const response = await read(cookie)
      expect(response.status).toBe(200)
      cookie = cookieOf(response)
    }
    expect((await read(cookie, { 'Lapse-Unattended': '1' })).headers.get('set-cookie')).toBeNull()
  })

  test('ends with its token', async () => {
    const { id, token } = await issue(collector)
    const cookie = cookieOf(await post(token))
    expect((await read(cookie)).status).toBe(200)
    await collector.store.revokeToken(id)
    expect((await read(cookie)).status).toBe(401)
  })

  test('is not to be forged, and opens nothing but reading', async () => {
    const mine = await issue(collector)
    const other = await issue(collector)
    const cookie = cookieOf(await post(mine.token))
    const [name, value = ''] = cookie.split('=')
    const [, ...rest] = value.split('.')
    const head = Buffer.from(JSON.stringify({ alg: 'HS256', typ: 'lapse-session+jwt', kid: other.id }))
    expect((await read(`${name}=${head.toString('base64url')}.${rest.join('.')}`)).status).toBe(401)
    const event = { site: 'acme', session: 'a', detectedBy: 'server', reason: 'logout' }
    const response = await collector.post(event, { 'Content-Type': 'application/json', Cookie: cookie })
    expect(response.status).toBe(401)
  })

  test('begins and ends by a page of the collector only', async () => {
    const { token } = await issue(collector)
    expect((await post(token, { Origin: 'https://evil.example' })).status).toBe(403)
    expect((await post(token, { Origin: '' })).status).toBe(403)
    expect((await post(token, { 'Sec-Fetch-Site': 'same-site' })).status).toBe(403)
    const away = await fetch(`${collector.url}/dashboard/session`, { method: 'DELETE' })
    expect(away.status).toBe(403)
  })

  test('has a cookie for https only, and for this host, where the connection is of https', async () => {
    const { token } = await issue(collector)
    const response = await post(token, { 'X-Forwarded-Proto': 'https' })
    expect(response.headers.get('set-cookie')).toMatch(
      /^__Host-lapse-dashboard=\S+; Path=\/; HttpOnly; SameSite=Strict; Secure$/,
    )
  })

  test('comes with a page of at most 60 kB, whose parts are kept for good', async () => {
    const page = await fetch(collector.url)
    expect(page.headers.get('content-security-policy')).toMatch(/^default-src 'none'; script-src 'self';/)
    expect(page.headers.get('content-security-policy')).not.toContain('unsafe')
    const html = await page.text()
    const paths = [...html.matchAll(/(?:src|href)="\.\/(dashboard\/[^"]+)"/g)].map(([, path]) => path)
    expect(paths).toHaveLength(3)
    let bytes = gzipSync(html).length
    for (const path of paths) {
      const part = await fetch(`${collector.url}/${path}`)
      expect(part.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
      bytes += gzipSync(await part.bytes(), { level: 9 }).length
    }
    expect(bytes).toBeLessThan(60_000)
    expect((await fetch(`${collector.url}/dashboard/index-00000000.js`)).status).toBe(404)
  })
})
