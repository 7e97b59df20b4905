import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifySessionOptions } from '@fastify/session'
import { lapseFastify } from '@lapse/server/fastify'
import fastify from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Options } from './fastifyApplication.ts'
import * as applications from './fastifyApplication.ts'
import { createUser, signIn, startSite, type TestSite, waitForReports } from './site.ts'

let site: TestSite
beforeAll(async () => {
  site = await startSite()
})
afterAll(() => site.end())

const startStoreSessions = (sessionOptions?: Partial<FastifySessionOptions>, options?: Options) =>
  applications.startStoreSessions(site.lapse, sessionOptions, options)
const startCookieSessions = (options?: Options, key?: Buffer[]) =>
  applications.startCookieSessions(site.lapse, options, key)

const readLive = (user: string) => expect.poll(() => site.readLive(user))
const readRows = (user: string) => expect.poll(() => site.readRows(user))

const plugins = [
  {
    plugin: '@fastify/session',
    start: (options?: Options) => startStoreSessions({ rolling: false }, options),
  },
  { plugin: '@fastify/secure-session', start: (options?: Options) => startCookieSessions(options) },
]

describe.each(plugins)('A session of $plugin', ({ start }) => {
  test('is live from the sign-in, under its alias, with the time of the sign-in', async () => {
    const { jar } = await start()
    const before = Date.now()
    const user = await signIn(site, jar)
    const [live] = await site.readLive(user)
    expect(live).toMatchObject({ evidence: 'server', idle_timeout_seconds: 1800 })
    expect(String(live?.session)).toMatch(/^[\da-f-]{36}$/)
    expect(Number(live?.started_at)).toBeGreaterThanOrEqual(before)
    expect(await (await jar.request('/page')).text()).toContain(`data-session="${live?.session}"`)
  })

  test('ends as a logout when the application ends it', async () => {
    const { jar } = await start()
    const user = await signIn(site, jar)
    const [live] = await site.readLive(user)
    await jar.request('/logout')
    await readRows(user).toEqual([
      expect.objectContaining({
        reason: 'logout',
        session: live?.session,
        // @fastify/secure-session rounds to seconds.
        last_access_at: expect.closeTo(Number(live?.last_access_at), -3),
      }),
    ])
    expect(await (await jar.request('/page')).text()).toContain('data-state="absent"')
  })

  test('ends as displaced when another one replaces it', async () => {
    const { jar } = await start()
    const user = await signIn(site, jar)
    const other = createUser()
    await jar.request(`/replace?user=${other}`)
    await readRows(user).toEqual([expect.objectContaining({ reason: 'displaced' })])
    await readLive(other).toHaveLength(1)
  })

  test('ends as displaced when the same user signs in again without having signed out', async () => {
    const { jar } = await start()
    const user = await signIn(site, jar)
    await jar.request(`/sign-in?user=${user}`)
    await readRows(user).toEqual([expect.objectContaining({ reason: 'displaced' })])
    await readLive(user).toHaveLength(1)
  })

  test('ends as a logout when the application signs out and keeps the session', async () => {
    const { jar } = await start()
    const user = await signIn(site, jar)
    await jar.request('/change?color=blue')
    await jar.request('/sign-out')
    await readRows(user).toEqual([expect.objectContaining({ reason: 'logout' })])
  })

  test('ends for the reason that the application gives', async () => {
    const { jar } = await start()
    const user = await signIn(site, jar)
    await jar.request('/own-timer')
    await readRows(user).toEqual([expect.objectContaining({ reason: 'idle_timeout' })])
  })

  test('ends for that reason, too, if somebody else signs in with the same request', async () => {
    const { jar } = await start()
    const user = await signIn(site, jar)
    await jar.request(`/switch?user=${createUser()}`)
    await readRows(user).toEqual([expect.objectContaining({ reason: 'revoked' })])
  })

  test('goes on when the application regenerates it with its alias', async () => {
    const { jar } = await start()
    const user = await signIn(site, jar)
    const [live] = await site.readLive(user)
    await jar.request('/regenerate')
    await jar.request('/change?color=blue')
    await waitForReports()
    expect(await site.readRows(user)).toEqual([])
    expect(await site.readLive(user)).toEqual([expect.objectContaining({ session: live?.session })])
  })

  test('is dated by the last request that has extended it', async () => {
    const { jar } = await start()
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
    const { jar } = await start({ isActivity: ({ url }) => !url.startsWith('/change') })
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
    const { jar } = await start({ isActivity })
    await signIn(site, jar)
    expect(site.errors).toContain('A fault of the application.')
  })

  test('has its own limit if the application says so', async () => {
    const { jar } = await start({ idleTimeoutSeconds: () => 86_400 })
    const user = await signIn(site, jar)
    expect(await site.readLive(user)).toEqual([expect.objectContaining({ idle_timeout_seconds: 86_400 })])
    expect(await (await jar.request('/page')).text()).toContain('data-idle-timeout-seconds="86400"')
  })

  test('with a subject that is no id is an error of Lapse, not of the sign-in', async () => {
    const { jar } = await start()
    expect((await jar.request('/sign-in?user=')).status).toBe(200)
    expect(site.errors).toContainEqual(expect.stringContaining('subject is not a valid id'))
  })

  test('has a tag with the nonce and the attributes', async () => {
    const { jar } = await start({
      nonce: ({ url }) => `n-${url.slice(1)}`,
      attributes: { 'data-requests': '/api/' },
    })
    const page = await (await jar.request('/page')).text()
    expect(page).toContain('nonce="n-page"')
    expect(page).toContain('data-requests="/api/"')
    expect(page).toContain('data-state="absent"')
  })
})

describe('A session of @fastify/session', () => {
  test('is extended by every request if it is rolling', async () => {
    const { jar } = await startStoreSessions()
    const user = await signIn(site, jar)
    const openedAt = Date.now()
    await jar.request('/page')
    const readLastAccess = async () => Number((await site.readLive(user))[0]?.last_access_at)
    await expect.poll(readLastAccess).toBeGreaterThanOrEqual(openedAt)
  })

  test('outside of the path of its cookie is unknown: the page has no tag', async () => {
    const { jar } = await startStoreSessions({ cookie: { secure: false, path: '/account' } })
    expect(await (await jar.request('/page')).text()).toBe('')
    expect(site.errors).toContainEqual(expect.stringContaining('A request has no session'))
  })
})

describe('A session of @fastify/secure-session', () => {
  test('is not extended by the rotation of the key', async () => {
    const [oldKey, newKey] = [randomBytes(32), randomBytes(32)]
    const before = await startCookieSessions({}, [oldKey])
    const user = await signIn(site, before.jar)
    const live = await site.readLive(user)
    const { jar } = await startCookieSessions({}, [newKey, oldKey])
    for (const [name, value] of before.jar.cookies) jar.cookies.set(name, value)
    const response = await jar.request('/page')
    expect(response.headers.getSetCookie()).toHaveLength(1)
    await waitForReports()
    expect(await site.readLive(user)).toEqual(live)
  })

  test('that the application deletes cannot be signed in to, which is an error that says what to do', async () => {
    const { jar } = await startCookieSessions()
    await jar.request(`/delete-and-sign-in?user=${createUser()}`)
    expect(await (await jar.request('/page')).text()).toContain('data-state="absent"')
    expect(site.errors).toContainEqual(expect.stringContaining('Regenerate it instead'))
  })

  test('has no store, so ending one is an error that says so', async () => {
    const { jar } = await startCookieSessions()
    expect((await jar.request('/end?id=any')).status).toBe(200)
    expect(site.errors).toContainEqual(expect.stringContaining('has no session store'))
  })
})

test('The plugin before the plugin of the session is an error that says what to do', async () => {
  const app = fastify()
  await app.register(lapseFastify, { lapse: site.lapse })
  const { jar } = await applications.listen(app, { '/page': ({ lapse }) => lapse.tag })
  expect(await (await jar.request('/page')).text()).toBe('')
  expect(site.errors).toContainEqual(expect.stringContaining('Register lapseFastify after'))
})
