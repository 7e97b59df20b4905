import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCollector, type TestCollector } from './collector.ts'
import { cookieOf, postSignIn } from './dashboardCookie.ts'
import { database, issue, signIn, site, useBrowser } from './dashboardPage.ts'

const open = useBrowser()

describe('the session of the dashboard', () => {
  let collector: TestCollector
  beforeAll(async () => {
    const lapse = { origins: ['https://lapse.acme.com'], idleTimeoutSeconds: 3 }
    collector = await createCollector(database, { sites: { acme: site, lapse }, trustProxy: ['127.0.0.1'] })
  })
  afterAll(() => collector.end())

  const post = (token: string, headers: Record<string, string> = {}) =>
    postSignIn(collector.url, token, headers)
  const read = (cookie: string, headers: Record<string, string> = {}) =>
    fetch(`${collector.url}/v1/lapses`, { headers: { Cookie: cookie, ...headers } })

  test('ends by its idle timeout, whatever asks by itself, and is a row of the site "lapse"', async () => {
    const { id, token } = await issue(collector)
    const page = await open(collector.url)
    await signIn(page, token)
    await page.getByText('No ended sessions match.').waitFor()
    await page.getByText('You were signed out after 3 s without activity.').waitFor({ timeout: 20_000 })
    const rows = await collector.database.rows()
    expect(rows).toMatchObject([
      { site: 'lapse', subject: id, reason: 'idle_timeout', evidence: 'signed', idle_timeout_seconds: 3 },
    ])
  })

  test('goes on as long as somebody reads', async () => {
    const { token } = await issue(collector)
    const cookie = cookieOf(await post(token))
    for (let times = 0; times < 3; times++) {
      await sleep(1500)
      const response = await read(cookie)
      expect([response.status, response.headers.get('set-cookie')]).toEqual([200, null])
    }
  })

  test('ends with its token', async () => {
    const { id, token } = await issue(collector)
    const cookie = cookieOf(await post(token))
    expect((await read(cookie)).status).toBe(200)
    await collector.store.revokeToken(id)
    expect((await read(cookie)).status).toBe(401)
  })

  test('opens nothing but reading', async () => {
    const cookie = cookieOf(await post((await issue(collector)).token))
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
