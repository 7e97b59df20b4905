import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createStore, type Options, startKoa } from './koaApplication.ts'
import { createUser, signIn, startSite, type TestSite, waitForReports } from './site.ts'

let site: TestSite
beforeAll(async () => {
  site = await startSite()
})
afterAll(() => site.end())

const startApplication = (options: Options) => startKoa(site.lapse, options)

const readRows = (user: string) => expect.poll(() => site.readRows(user))

describe('A session in a store', () => {
  test.each([
    { who: 'in a request', end: 'request' },
    { who: 'outside of a request', end: 'sessions' },
  ])('that the application ends $who is recorded with its reason', async ({ end }) => {
    const store = createStore()
    const { jar, createJar, sessions } = await startApplication({ store })
    const user = await signIn(site, jar)
    const [key = ''] = store.data.keys()
    if (end === 'request') await createJar().request(`/end?key=${key}`)
    else await sessions.end(key, 'displaced')
    expect(store.data.size).toBe(0)
    await jar.request('/page')
    await readRows(user).toEqual([expect.objectContaining({ reason: 'displaced' })])
  })

  test('of a replica whose clock is ahead ends when its user signs out', async () => {
    const store = createStore()
    const { jar } = await startApplication({ store })
    const user = await signIn(site, jar)
    for (const [key, text] of store.data) {
      const { lapse, _expire, ...data } = JSON.parse(text)
      const ahead = { ...lapse, startedAt: lapse.startedAt + 20_000 }
      store.data.set(key, JSON.stringify({ ...data, _expire: _expire + 20_000, lapse: ahead }))
    }
    await jar.request('/logout')
    await readRows(user).toEqual([expect.objectContaining({ reason: 'logout' })])
    expect(await site.readLive(user)).toEqual([])
  })

  test('that somebody deletes from the store is recorded when its user returns', async () => {
    const store = createStore()
    const { jar } = await startApplication({ store })
    const user = await signIn(site, jar)
    store.data.clear()
    const returnedAt = Date.now()
    await jar.request('/page')
    await readRows(user).toEqual([expect.objectContaining({ reason: 'ended_early', evidence: 'server' })])
    const [row] = await site.readRows(user)
    expect(Number(row?.detected_at)).toBeGreaterThanOrEqual(returnedAt)
  })

  test('that could not be destroyed goes on, and the application sees the error of the store', async () => {
    const store = createStore()
    const failing = {
      ...store,
      async destroy() {
        throw new Error('The store is down.')
      },
    }
    const { app, jar } = await startApplication({ store: failing })
    const messages: string[] = []
    app.on('error', ({ message }) => messages.push(message))
    const user = await signIn(site, jar)
    expect((await jar.request('/logout')).status).toBe(500)
    await waitForReports()
    expect(messages).toEqual(['The store is down.'])
    expect(await site.readRows(user)).toEqual([])
  })

  test('that could not be stored is not reported', async () => {
    const failing = {
      ...createStore(),
      async set() {
        throw new Error('The store is down.')
      },
    }
    const { jar } = await startApplication({ store: failing })
    const user = createUser()
    expect((await jar.request(`/sign-in?user=${user}`)).status).toBe(500)
    await waitForReports()
    expect(await site.readLive(user)).toEqual([])
  })
})

test('A class of stores is observed like a store', async () => {
  const store = createStore()
  class RequestStore {
    get(key: string) {
      return store.get(key)
    }
    set(key: string, data: object) {
      return store.set(key, data)
    }
    destroy(key: string) {
      return store.destroy(key)
    }
  }
  const { jar, createJar } = await startApplication({ ContextStore: RequestStore })
  const user = await signIn(site, jar)
  const [key = ''] = store.data.keys()
  await createJar().request(`/end?key=${key}`)
  await readRows(user).toEqual([expect.objectContaining({ reason: 'displaced' })])
})
