import { setTimeout as sleep } from 'node:timers/promises'
import type { FastifySessionOptions } from '@fastify/session'
import { watchSessionStore } from '@lapse/server/express'
import { type FastifySessionStore, observeStore } from '@lapse/server/fastify'
import { MemoryStore } from 'express-session'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as applications from './fastifyApplication.ts'
import { createStore, type Options } from './fastifyApplication.ts'
import { createUser, signIn, startSite, type TestSite, waitForReports } from './site.ts'

let site: TestSite
beforeAll(async () => {
  site = await startSite()
})
afterAll(() => site.end())

const startStoreSessions = (sessionOptions?: Partial<FastifySessionOptions>, options?: Options) =>
  applications.startStoreSessions(site.lapse, sessionOptions, options)

const readRows = (user: string) => expect.poll(() => site.readRows(user))

describe('A session of @fastify/session in a store', () => {
  test('that the application ends is recorded with its reason', async () => {
    const { data, store } = createStore()
    const { jar, createJar } = await startStoreSessions({ store, saveUninitialized: false })
    const user = await signIn(site, jar)
    const [id = ''] = data.keys()
    await createJar().request(`/end?id=${id}`)
    expect(data.has(id)).toBe(false)
    await readRows(user).toEqual([expect.objectContaining({ reason: 'displaced', evidence: 'server' })])
  })

  test('that the plugin finds expired is recorded as the timeout that it is', async () => {
    const { store } = createStore()
    const { jar } = await startStoreSessions(
      { store: observeStore(site.lapse, store) },
      { idleTimeoutSeconds: () => 1 },
    )
    const user = createUser()
    await jar.request(`/sign-in-briefly?user=${user}`)
    const [live] = await expect
      .poll(() => site.readLive(user))
      .toHaveLength(1)
      .then(() => site.readLive(user))
    await sleep(1200)
    await jar.request('/page')
    await readRows(user).toEqual([
      expect.objectContaining({
        reason: 'idle_timeout',
        detected_by: 'server',
        idle_timeout_seconds: 1,
        last_access_at: expect.closeTo(Number(live?.last_access_at), -3),
      }),
    ])
  })

  test('that expires in a store that can list its sessions is recorded before its user returns', async () => {
    const { data, store } = createStore()
    // As stores do, it lists the sessions that have not expired.
    const all = (callback: (error: unknown, sessions: readonly object[]) => void) => {
      const sessions = [...data.values()].map((session) => JSON.parse(session))
      callback(
        null,
        sessions.filter(({ cookie }) => Date.parse(cookie.expires) > Date.now()),
      )
    }
    const { jar } = await startStoreSessions({ store }, { idleTimeoutSeconds: () => 1 })
    const stop = watchSessionStore(site.lapse, { ...store, all }, { everySeconds: 0.1 })
    const user = createUser()
    await jar.request(`/sign-in-briefly?user=${user}`)
    await sleep(1200)
    await readRows(user).toEqual([expect.objectContaining({ reason: 'idle_timeout', detected_by: 'server' })])
    stop()
  })

  test('that could not be stored is not reported, and the application sees the error of the store', async () => {
    const { store } = createStore()
    const failing = {
      ...store,
      set: (_id: string, _session: unknown, callback: (error: unknown) => void) =>
        callback(new Error('The store is down.')),
    }
    const { jar } = await startStoreSessions({ store: observeStore(site.lapse, failing) })
    const user = createUser()
    const response = await jar.request(`/sign-in?user=${user}`)
    expect(response.status).toBe(500)
    expect(await response.text()).toContain('The store is down.')
    await waitForReports()
    expect(await site.readLive(user)).toEqual([])
  })

  test('that could not be saved goes on', async () => {
    const { store } = createStore()
    let isFailing = false
    const failing: FastifySessionStore = {
      ...store,
      set: (id, session, callback) =>
        isFailing ? callback(new Error('The store is down.')) : store.set(id, session, callback),
    }
    const { jar } = await startStoreSessions({ store: failing })
    const user = await signIn(site, jar)
    const live = await site.readLive(user)
    isFailing = true
    expect((await jar.request('/sign-out')).status).toBe(500)
    await waitForReports()
    expect(await site.readRows(user)).toEqual([])
    expect(await site.readLive(user)).toEqual(live)
  })
})

test('An observed store keeps its other methods', async () => {
  const store = observeStore(site.lapse, new MemoryStore())
  const count = await new Promise((resolve) => store.length((_error, length) => resolve(length)))
  expect(count).toBe(0)
})
