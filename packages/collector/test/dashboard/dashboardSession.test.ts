import { setTimeout as sleep } from 'node:timers/promises'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCollector, type InProcessCollector } from '../support/collector.ts'
import { postSignIn, readSetCookie } from '../support/dashboardCookie.ts'
import { database, issueDashboardToken, setUpBrowser, site } from '../support/dashboardPage.ts'

const openDashboard = setUpBrowser()

let collector: InProcessCollector
beforeAll(async () => {
  const lapse = { origins: ['https://lapse.acme.com'], idleTimeoutSeconds: 3 }
  collector = await createCollector(database, { sites: { acme: site, lapse }, trustProxy: ['127.0.0.1'] })
})
afterAll(() => collector.end())

describe('A dashboard session', () => {
  const signIn = (token: string, headers: Record<string, string> = {}) =>
    postSignIn(collector.url, token, headers)
  const readList = (cookie: string, headers: Record<string, string> = {}) =>
    fetch(`${collector.url}/v1/lapses`, { headers: { Cookie: cookie, ...headers } })

  test('reaches its idle timeout despite background requests, and is recorded for the site "lapse"', async () => {
    const { id, token } = await issueDashboardToken(collector)
    const dashboard = await openDashboard(collector.url)
    await dashboard.signIn(token)
    await dashboard.emptyListMessage.waitFor()
    await dashboard.page
      .getByText('You were signed out after 3 s without activity.')
      .waitFor({ timeout: 20_000 })
    const expectedRow = { site: 'lapse', subject: id, reason: 'idle_timeout', evidence: 'signed' }
    expect(await collector.database.readRows()).toMatchObject([{ ...expectedRow, idle_timeout_seconds: 3 }])
  })

  test('continues as long as the user reads', async () => {
    const { token } = await issueDashboardToken(collector)
    const cookie = readSetCookie(await signIn(token))
    for (let times = 0; times < 3; times++) {
      await sleep(1500)
      const response = await readList(cookie)
      expect({ status: response.status, setCookie: response.headers.get('set-cookie') }).toEqual({
        status: 200,
        setCookie: null,
      })
    }
  })

  test('ends when its token is revoked', async () => {
    const { id, token } = await issueDashboardToken(collector)
    const cookie = readSetCookie(await signIn(token))
    expect((await readList(cookie)).status).toBe(200)
    await collector.store.tokens.revoke(id, new Date())
    expect((await readList(cookie)).status).toBe(401)
  })

  test('cannot report as a server', async () => {
    const { token } = await issueDashboardToken(collector)
    const cookie = readSetCookie(await signIn(token))
    const report = { site: 'acme', session: 'a', detectedBy: 'server', reason: 'logout' }
    const response = await collector.post(report, { 'Content-Type': 'application/json', Cookie: cookie })
    expect(response.status).toBe(401)
  })

  test('can be started and ended only by a page of the collector', async () => {
    const { token } = await issueDashboardToken(collector)
    expect((await signIn(token, { Origin: 'https://evil.example' })).status).toBe(403)
    expect((await signIn(token, { Origin: '' })).status).toBe(403)
    expect((await signIn(token, { 'Sec-Fetch-Site': 'same-site' })).status).toBe(403)
    const signOut = await fetch(`${collector.url}/dashboard/session`, { method: 'DELETE' })
    expect(signOut.status).toBe(403)
  })

  test('has a Secure cookie with the __Host- prefix on an HTTPS connection', async () => {
    const { token } = await issueDashboardToken(collector)
    const response = await signIn(token, { 'X-Forwarded-Proto': 'https' })
    expect(response.headers.get('set-cookie')).toMatch(
      /^__Host-lapse-dashboard=\S+; Path=\/; HttpOnly; SameSite=Strict; Secure$/,
    )
  })
})

describe('The page of the dashboard', () => {
  test('has a content security policy that allows only its own scripts', async () => {
    const page = await fetch(collector.url)
    const policy = page.headers.get('content-security-policy')
    expect(policy).toMatch(/^default-src 'none'; script-src 'self';/)
    expect(policy).not.toContain('unsafe')
  })

  test('is at most 80 kB in total, with assets that browsers keep permanently', async () => {
    const html = await (await fetch(collector.url)).text()
    const assetPaths = [...html.matchAll(/(?:src|href)="\.\/(dashboard\/[^"]+)"/g)].map(([, path]) => path)
    expect(assetPaths).toHaveLength(3)
    let compressedBytes = gzipSync(html).length
    for (const path of assetPaths) {
      const asset = await fetch(`${collector.url}/${path}`)
      expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
      compressedBytes += gzipSync(await asset.bytes(), { level: 9 }).length
    }
    expect(compressedBytes).toBeLessThan(80_000)
    expect((await fetch(`${collector.url}/dashboard/index-00000000.js`)).status).toBe(404)
  })
})
