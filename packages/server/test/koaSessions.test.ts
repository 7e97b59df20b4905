import { createHmac } from 'node:crypto'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { type LapseKoaOptions, lapseKoa } from '@lapse/server/koa'
import Koa from 'koa'
import session from 'koa-session'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { listen } from '../../../test/listen.ts'
import { cookieKey, createStore, type Options, startKoa } from './koaApplication.ts'
import { createUser, signIn, startSite, type TestSite, waitForReports } from './site.ts'

let site: TestSite
beforeAll(async () => {
  site = await startSite()
})
afterAll(() => site.end())

const startApplication = (options?: Options, lapseOptions?: LapseKoaOptions) =>
  startKoa(site.lapse, options, lapseOptions)

const readLive = (user: string) => expect.poll(() => site.readLive(user))
const readRows = (user: string) => expect.poll(() => site.readRows(user))

const storages = [
  { where: 'in the cookie', createOptions: (): Options => ({}) },
  { where: 'in a store', createOptions: (): Options => ({ store: createStore() }) },
]

describe.each(storages)('A session $where', ({ createOptions }) => {
  test('is live from the sign-in, under its alias, with the time of the sign-in', async () => {
    const { jar } = await startApplication(createOptions())
    const before = Date.now()
    const user = await signIn(site, jar)
    const [live] = await site.readLive(user)
    expect(live).toMatchObject({ evidence: 'server', idle_timeout_seconds: 1800 })
    expect(String(live?.session)).toMatch(/^[\da-f-]{36}$/)
    expect([...jar.cookies.values()].join()).not.toBe('')
    expect(Number(live?.started_at)).toBeGreaterThanOrEqual(before)
  })

  test('ends as a logout when the application sets ctx.session to null without having read it', async () => {
    const { jar } = await startApplication(createOptions())
    const user = await signIn(site, jar)
    const [live] = await site.readLive(user)
    await jar.request('/logout')
    await readRows(user).toEqual([
      expect.objectContaining({
        reason: 'logout',
        session: live?.session,
        // The collector moves each report's times to its own clock, by as much as the report was delayed.
        last_access_at: expect.closeTo(Number(live?.last_access_at), -3),
        started_at: expect.closeTo(Number(live?.started_at), -3),
      }),
    ])
  })

  test('ends as displaced when another one replaces it without having read it', async () => {
    const { jar } = await startApplication(createOptions())
    const user = await signIn(site, jar)
    const other = createUser()
    await jar.request(`/replace?user=${other}`)
    await readRows(user).toEqual([expect.objectContaining({ reason: 'displaced' })])
    await readLive(other).toHaveLength(1)
  })

  test('ends as a logout when the application signs out and keeps ctx.session', async () => {
    const { jar } = await startApplication(createOptions())
    const user = await signIn(site, jar)
    await jar.request('/change?color=blue')
    await jar.request('/sign-out')
    await readRows(user).toEqual([expect.objectContaining({ reason: 'logout' })])
    expect(await (await jar.request('/page')).text()).toContain('data-state="absent"')
  })

  test('ends for the reason that the application gives', async () => {
    const { jar } = await startApplication(createOptions())
    const user = await signIn(site, jar)
    await jar.request('/own-timer')
    await readRows(user).toEqual([expect.objectContaining({ reason: 'idle_timeout' })])
  })

  test('goes on when the application regenerates it', async () => {
    const { jar } = await startApplication(createOptions())
    const user = await signIn(site, jar)
    const [live] = await site.readLive(user)
    await jar.request('/regenerate')
    await jar.request('/change?color=blue')
    await waitForReports()
    expect(await site.readRows(user)).toEqual([])
    expect(await site.readLive(user)).toEqual([expect.objectContaining({ session: live?.session })])
  })

  test('is dated by the last request that has extended it', async () => {
    const { jar } = await startApplication(createOptions())
    const user = await signIn(site, jar)
    const [first] = await site.readLive(user)
    await sleep(200)
    await jar.request('/page')
    await waitForReports()
    expect(await site.readLive(user)).toEqual([first])
    const changedAt = Date.now()
    await jar.request('/change?color=blue')
    const readLastAccess = async () => Number((await site.readLive(user))[0]?.last_access_at)
    await expect.poll(readLastAccess).toBeGreaterThanOrEqual(changedAt)
  })

  test('is not dated by requests that the application excludes', async () => {
    const isActivity = ({ path }: Koa.Context) => path !== '/change'
    const { jar } = await startApplication(createOptions(), { isActivity })
    const user = await signIn(site, jar)
    const live = await site.readLive(user)
    await sleep(200)
    await jar.request('/change?color=blue')
    await waitForReports()
    expect(await site.readLive(user)).toEqual(live)
  })

  test('is in use if the application fails to say whether it is', async () => {
    const isActivity = () => {
      throw new Error('A fault of the application.')
    }
    const { jar } = await startApplication(createOptions(), { isActivity })
    await signIn(site, jar)
    expect(site.errors).toContain('A fault of the application.')
  })

  test('has its own limit if its maxAge differs', async () => {
    const { jar } = await startApplication(createOptions())
    const user = createUser()
    await jar.request(`/remember?user=${user}`)
    await readLive(user).toEqual([expect.objectContaining({ idle_timeout_seconds: 30 * 86_400 })])
    const page = await (await jar.request('/page')).text()
    expect(page).toContain('data-idle-timeout-seconds="2592000"')
  })

  test('that koa-session finds expired is recorded as the timeout that it is, however often it is found', async () => {
    const { jar } = await startApplication(createOptions())
    const user = createUser()
    await jar.request(`/sign-in-briefly?user=${user}`)
    await sleep(1200)
    const reported = site.lapse.health().reported
    for (let attempt = 0; attempt < 5; attempt++) await jar.request('/page')
    await readRows(user).toEqual([
      expect.objectContaining({ reason: 'idle_timeout', idle_timeout_seconds: 1 }),
    ])
    await waitForReports()
    expect(site.lapse.health().reported).toBe(reported + 1)
  })

  test('that the application refuses is recorded as revoked', async () => {
    const refused = new Set<string>()
    const { jar } = await startApplication({
      ...createOptions(),
      valid: (_ctx, data) => !refused.has(data.lapse?.subject),
    })
    const user = await signIn(site, jar)
    refused.add(user)
    for (let attempt = 0; attempt < 3; attempt++) await jar.request('/page')
    await readRows(user).toEqual([expect.objectContaining({ reason: 'revoked', evidence: 'server' })])
  })
})

describe('A session in the cookie', () => {
  test('is not extended by a request that does not use it, and by Lapse neither', async () => {
    const { jar } = await startApplication({ rolling: true })
    const user = await signIn(site, jar)
    const live = await site.readLive(user)
    await sleep(200)
    const response = await jar.request('/plain')
    expect(response.headers.getSetCookie()).toEqual([])
    await waitForReports()
    expect(await site.readLive(user)).toEqual(live)
  })

  test('is not extended by an error page, which has no cookies', async () => {
    const { jar } = await startApplication()
    const user = await signIn(site, jar)
    const live = await site.readLive(user)
    await sleep(200)
    expect((await jar.request('/fail')).status).toBe(500)
    expect((await jar.request('/fail-logout')).status).toBe(500)
    await waitForReports()
    expect(await site.readLive(user)).toEqual(live)
    expect(await site.readRows(user)).toEqual([])
  })

  test('with the signature of a stranger ends nothing', async () => {
    const { jar } = await startApplication()
    const user = await signIn(site, jar)
    jar.cookies.set('koa.sess.sig', 'a'.repeat(27))
    await jar.request('/logout')
    await waitForReports()
    expect(await site.readRows(user)).toEqual([])
  })

  test('that is replaced keeps the new signature, though the old one is wrong', async () => {
    const { jar } = await startApplication()
    await signIn(site, jar)
    jar.cookies.set('koa.sess.sig', 'a'.repeat(27))
    const user = createUser()
    await jar.request(`/replace?user=${user}`)
    expect(await (await jar.request('/page')).text()).toContain(`data-subject="${user}"`)
  })

  test('is live though it has replaced a cookie that cannot be decoded', async () => {
    const { jar } = await startApplication()
    const signature = createHmac('sha1', cookieKey).update('koa.sess=unreadable')
    jar.cookies.set('koa.sess', 'unreadable')
    jar.cookies.set('koa.sess.sig', signature.digest('base64url'))
    const user = createUser()
    await jar.request(`/replace?user=${user}`)
    await readLive(user).toHaveLength(1)
  })

  test('is dated by its renewal', async () => {
    const { jar } = await startApplication({ renew: true, maxAge: 6000 })
    const user = await signIn(site, jar)
    const [first] = await site.readLive(user)
    await sleep(400)
    await jar.request('/page')
    await waitForReports()
    expect(await site.readLive(user)).toEqual([first])
    // koa-session renews a session in the second half of its time.
    await sleep(2500)
    const renewedAt = Date.now()
    await jar.request('/page')
    const readLastAccess = async () => Number((await site.readLive(user))[0]?.last_access_at)
    await expect.poll(readLastAccess).toBeGreaterThanOrEqual(renewedAt)
  })

  test('cannot be ended by its key, which is an error that names the cause', async () => {
    const { jar } = await startApplication()
    expect((await jar.request('/end?key=any')).status).toBe(200)
    expect(site.errors).toContainEqual(expect.stringContaining('have no store'))
  })
})

test('The hooks of the application are called as before', async () => {
  const saved: unknown[] = []
  const { jar } = await startApplication({
    beforeSave: (_ctx, { lapse }) => void saved.push(lapse.subject),
  })
  const user = await signIn(site, jar)
  expect(saved).toEqual([user])
})

test('The tag has the nonce and the attributes, and templates read it from ctx.state', async () => {
  const { jar } = await startApplication(
    {},
    { nonce: ({ path }) => `n-${path.slice(1)}`, attributes: { 'data-requests': '/api/' } },
  )
  const page = await (await jar.request('/state')).text()
  expect(page).toContain('nonce="n-state"')
  expect(page).toContain('data-requests="/api/"')
  expect(page).toContain('data-state="absent"')
})

test('A subject that is no id is an error of Lapse, not of the sign-in', async () => {
  const { jar } = await startApplication()
  expect((await jar.request('/sign-in?user=')).status).toBe(200)
  expect(site.errors).toContainEqual(expect.stringContaining('subject is not a valid id'))
})

test('koa-session without the options of lapseKoa is an error that says what to do', async () => {
  const app = new Koa()
  app.keys = [cookieKey]
  app.use(lapseKoa(site.lapse, app, {}).middleware)
  app.use(session({}, app))
  app.use((ctx) => {
    ctx.body = ctx.lapse.tag
  })
  const server = await listen(createServer(app.callback()))
  onTestFinished(() => server.close())
  expect(await (await fetch(server.url)).text()).toBe('')
  expect(site.errors).toContainEqual(expect.stringContaining('session(sessions.options, app)'))
})
