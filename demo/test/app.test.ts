import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { serveApp } from '../../test/exampleApp.ts'
import { findFreePort } from '../../test/servers.ts'
import { createApp } from '../app/app.ts'
import type { AuditRow, DemoOptions } from '../app/options.ts'

const row: AuditRow = {
  id: 1,
  subject: 'u_1001',
  session: 'a1f',
  reason: 'idle_timeout',
  evidence: 'self_reported',
  lastAccessAt: '2030-01-01T10:00:00.000Z',
  expiredAt: '2030-01-01T10:00:15.000Z',
  detectedAt: '2030-01-01T10:00:20.000Z',
  elapsedMs: 20_000,
  idleTimeoutSeconds: 15,
}

const closeApps: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const close of closeApps.splice(0)) await close()
})

/** Starts the application, with a minimal browser: it keeps cookies and does not follow redirects. */
async function start(options: Partial<DemoOptions> = {}) {
  const { app, sessions } = createApp({
    site: 'demo',
    collector: 'http://127.0.0.1:4780',
    idleTimeoutSeconds: 60,
    ticketSecret: 's'.repeat(32),
    ...options,
  })
  const port = await findFreePort()
  closeApps.push(await serveApp(app.callback(), port))
  const origin = `http://127.0.0.1:${port}`
  const cookies = new Map<string, string>()

  async function request(path: string, init: RequestInit = {}): Promise<Response> {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const headers = { cookie, ...(init.headers as Record<string, string>) }
    const response = await fetch(origin + path, { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
      cookies.set(name, value)
    }
    return response
  }

  const get = (path: string, headers: Record<string, string> = {}) => request(path, { headers })
  const post = (path: string, form: Record<string, string> = {}, headers: Record<string, string> = {}) =>
    request(path, { method: 'POST', body: new URLSearchParams(form), headers: { origin, ...headers } })
  const signIn = () => post('/login', { user: 'u_1001' })
  return { sessions, cookies, get, post, signIn }
}

describe('The demo application', () => {
  test('creates no session on the login page and tells Lapse that there is none', async () => {
    const { get } = await start()
    const page = await get('/login')
    expect(page.headers.getSetCookie()).toEqual([])
    expect(page.headers.get('cache-control')).toBe('no-store')
    expect(page.headers.get('content-security-policy')).toContain("script-src 'self' http://127.0.0.1:4780;")
    const text = await page.text()
    expect(text).toContain('data-site="demo" data-state="absent"')
    expect(text).toContain('<p data-lapse-message hidden>')
  })

  test('redirects every page to the login page without a session', async () => {
    const { get } = await start()
    for (const path of ['/', '/reports']) {
      const response = await get(path)
      expect({ status: response.status, location: response.headers.get('location') }).toEqual({
        status: 303,
        location: '/login',
      })
    }
  })

  test('tells Lapse after the sign-in whose session it is, by its alias', async () => {
    const { get, signIn, sessions, cookies } = await start()
    expect((await signIn()).headers.get('location')).toBe('/')
    const session = sessions.find('u_1001')
    expect(session?.id).toBe(cookies.get('demo_session'))
    expect(session?.alias).not.toBe(session?.id)
    const text = await (await get('/')).text()
    expect(text).toContain(`data-state="active" data-subject="u_1001" data-session="${session?.alias}"`)
    const [, ticket = ''] = /data-ticket="([^"]+)"/.exec(text) ?? []
    const [header, claims] = ticket.split('.').map((part) => Buffer.from(part, 'base64url').toString())
    expect(JSON.parse(header ?? '')).toEqual({ alg: 'HS256', typ: 'lapse+jwt' })
    expect(JSON.parse(claims ?? '')).toMatchObject({
      iss: 'demo',
      sub: 'u_1001',
      sid: session?.alias,
      idle: 60,
    })
    expect((await get('/login')).headers.get('location')).toBe('/')
  })

  test('changes the id in the cookie at a new sign-in and ends the previous session', async () => {
    const { signIn, sessions } = await start()
    await signIn()
    const first = sessions.find('u_1001')
    await signIn()
    const second = sessions.find('u_1001')
    expect(second?.id).not.toBe(first?.id)
    expect(await sessions.get(first?.id ?? '')).toBeUndefined()
  })

  test('expires an idle session, and renews it when a page is opened in time', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    onTestFinished(() => void vi.useRealTimers())
    const passTime = (ms: number) => vi.setSystemTime(Date.now() + ms)
    const { get, signIn, sessions } = await start({ idleTimeoutSeconds: 1 })
    await signIn()
    passTime(700)
    const renewed = await get('/reports')
    expect(renewed.status).toBe(200)
    const cookie = renewed.headers.getSetCookie().find((line) => line.startsWith('demo_session='))
    const expires = Date.parse(/expires=([^;]+)/.exec(cookie ?? '')?.[1] ?? '')
    const { lastAccessAt = 0 } = sessions.find('u_1001') ?? {}
    expect(expires - lastAccessAt).toBeGreaterThanOrEqual(1000)
    expect(expires - lastAccessAt).toBeLessThan(2100)
    passTime(700)
    expect((await get('/')).status).toBe(200)
    passTime(1050)
    expect((await get('/')).headers.get('location')).toBe('/login')
    expect(sessions.find('u_1001')).toBeUndefined()
  })

  test('does not renew the session for the audit stream and static files', async () => {
    const { get, signIn, sessions } = await start({ readAuditRows: async () => [row] })
    await signIn()
    const before = sessions.find('u_1001')
    await sleep(20)
    for (const path of ['/audit', '/style.css', '/demo.js']) {
      const response = await get(path)
      expect({ status: response.status, cookies: response.headers.getSetCookie() }).toEqual({
        status: 200,
        cookies: [],
      })
    }
    expect(sessions.find('u_1001')).toEqual(before)
  })

  test('sends the audit rows once, and then only when they change', async () => {
    const rows = [row]
    const { get } = await start({ readAuditRows: async () => rows })
    const first = await (await get('/audit')).text()
    expect(JSON.parse(/^data: (.*)$/m.exec(first)?.[1] ?? '')).toEqual([row])
    const id = /^id: (.*)$/m.exec(first)?.[1] ?? ''
    expect(await (await get('/audit', { 'last-event-id': id })).text()).toBe('retry: 1000\n\n')
    rows.unshift({ ...row, id: 2 })
    expect(await (await get('/audit', { 'last-event-id': id })).text()).toContain('"id":2')
  })

  test('has no audit stream, and no page that requests it, without audit rows', async () => {
    const { get } = await start()
    expect((await get('/audit')).status).toBe(404)
    expect(await (await get('/login')).text()).not.toContain('data-audit')
  })

  test('ends the session at logout, and tells Lapse about the logout in the form', async () => {
    const { get, post, signIn, sessions, cookies } = await start()
    await signIn()
    expect(await (await get('/')).text()).toContain('action="/logout" data-lapse-logout')
    expect((await post('/logout')).headers.get('location')).toBe('/login')
    expect(sessions.find('u_1001')).toBeUndefined()
    expect(cookies.get('demo_session')).toBe('')
  })

  test('ends a revoked session on the server while the browser still has its cookie', async () => {
    const { get, post, signIn, sessions, cookies } = await start()
    await signIn()
    const id = cookies.get('demo_session')
    await post('/revoke')
    expect(sessions.find('u_1001')).toBeUndefined()
    expect(cookies.get('demo_session')).toBe(id)
    expect((await get('/')).headers.get('location')).toBe('/login')
  })

  test('drops a session by its alias, once', async () => {
    const { get, signIn, sessions } = await start()
    await signIn()
    const alias = sessions.find('u_1001')?.alias ?? ''
    expect(sessions.drop(alias)).toBe(true)
    expect(sessions.drop(alias)).toBe(false)
    expect((await get('/')).headers.get('location')).toBe('/login')
  })

  test('refuses a form from another site', async () => {
    const { post, sessions } = await start()
    const form = { user: 'u_1001' }
    expect((await post('/login', form, { origin: 'http://evil.example' })).status).toBe(403)
    expect((await post('/login', form, { 'sec-fetch-site': 'cross-site' })).status).toBe(403)
    expect((await post('/login', form, { 'sec-fetch-site': 'same-site' })).status).toBe(403)
    expect(sessions.find('u_1001')).toBeUndefined()
  })

  test('rejects unknown users and oversized forms, and ignores invalid cookies', async () => {
    const { get, post, cookies } = await start()
    const hostile = await post('/login', { user: '"><script>alert(1)</script>' })
    expect(hostile.status).toBe(422)
    expect(await hostile.text()).not.toContain('<script>')
    expect((await post('/login', { user: 'u'.repeat(5000) })).status).toBe(413)
    cookies.set('demo_session', 'not-a-session')
    expect((await get('/')).headers.get('location')).toBe('/login')
  })

  test('escapes the values in its pages', async () => {
    const { get } = await start({ site: "\"><script>alert('&')</script>" })
    const text = await (await get('/login')).text()
    expect(text).toContain('data-site="&#34;&#62;&#60;script&#62;alert(&#39;&#38;&#39;)&#60;/script&#62;"')
  })
})
