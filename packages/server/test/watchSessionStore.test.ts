import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { lapseExpress, watchSessionStore } from '@lapse/server/express'
import { RedisStore } from 'connect-redis'
import { MemoryStore, Store } from 'express-session'
import { createClient } from 'redis'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { readStoredTime } from '../../../test/databases.ts'
import { startRedis } from '../../../test/redis.ts'
import {
  createSessionMiddleware,
  createUser,
  idleTimeoutSeconds,
  type ReportingSite,
  runApp,
  startReportingSite,
  Visitor,
} from './support/expressApp.ts'

const everySeconds = 0.1
const maxAge = idleTimeoutSeconds.quick * 1000

let site: ReportingSite
beforeAll(async () => {
  site = await startReportingSite()
})
afterAll(() => site.collector.end())

/** Runs an application that watches its store. */
async function runWatchingApp(store: Store) {
  const app = await runApp(
    site,
    (express, lapse) => {
      express.use(createSessionMiddleware({ store, cookie: { maxAge } }), lapseExpress(lapse))
      express.get('/sign-in/:user', (request, response) => {
        request.lapse.signIn(request.params.user)
        response.end()
      })
      express.get('/sign-out', async (request, response) => {
        await promisify(request.session.destroy.bind(request.session))()
        response.end()
      })
      express.get('/', (request, response) => void response.json(request.lapse.session?.subject ?? null))
    },
    'quick',
  )
  onTestFinished(watchSessionStore(app.lapse, store, { everySeconds }))
  return app
}

describe('Watching the memory store', () => {
  test('A session that has expired is reported with the times of the store', async () => {
    const user = createUser()
    const app = await runWatchingApp(new MemoryStore())
    const visitor = new Visitor(app)
    await visitor.signIn(user)
    await visitor.fetch('/')
    const accessedAt = Date.now()
    await sleep(maxAge + 500)
    const [row, ...others] = await app.finish(user)
    expect(others).toEqual([])
    expect(row).toMatchObject({ reason: 'idle_timeout', detected_by: 'server', evidence: 'server' })
    expect(Math.abs(readStoredTime(row?.last_access_at) - accessedAt)).toBeLessThan(1000)
    expect(readStoredTime(row?.detected_at) - readStoredTime(row?.expired_at)).toBeLessThan(1000)
  })

  test('A session that was signed out is a logout only', async () => {
    const user = createUser()
    const app = await runWatchingApp(new MemoryStore())
    const visitor = new Visitor(app)
    await visitor.signIn(user)
    await visitor.fetch('/sign-out')
    await sleep(maxAge)
    expect(await app.finish(user)).toMatchObject([{ reason: 'logout' }])
  })
})

describe('Watching Redis', () => {
  test('A session that connect-redis has extended is in use, though its stored cookie has expired', async () => {
    const user = createUser()
    const redis = await startRedis()
    const client = await createClient({ url: redis.url }).connect()
    onTestFinished(async () => {
      await client.close()
      await redis.end()
    })
    const app = await runWatchingApp(new RedisStore({ client }))
    const visitor = new Visitor(app)
    await visitor.signIn(user)
    for (let count = 0; count < 4; count++) {
      await sleep(maxAge / 2)
      expect(await visitor.read('/')).toBe(`"${user}"`)
    }
    const accessedAt = Date.now()
    expect(await site.collector.database.sql('session_audit').where({ subject: user })).toEqual([])
    // Redis expires keys to the second.
    await sleep(maxAge + 1500)
    const [row, ...others] = await app.finish(user)
    expect(others).toEqual([])
    expect(row).toMatchObject({ reason: 'idle_timeout', detected_by: 'server' })
    expect(Math.abs(readStoredTime(row?.last_access_at) - accessedAt)).toBeLessThan(1000)
  })
})

describe('Stores that cannot be watched', () => {
  test('A store that fails is an error each time, and is watched again when it works', async () => {
    class BreakableStore extends MemoryStore {
      isBroken = true
      override all(callback: Parameters<MemoryStore['all']>[0]) {
        if (this.isBroken) callback(new Error('The disk is full.'))
        else super.all(callback)
      }
    }
    const user = createUser()
    const store = new BreakableStore()
    const app = await runWatchingApp(store)
    await expect.poll(() => app.errors.length).toBeGreaterThan(1)
    expect(app.errors[0]).toMatchObject({
      code: 'unexpected',
      message: expect.stringContaining('The disk is full.'),
    })
    store.isBroken = false
    await new Visitor(app).signIn(user)
    await sleep(maxAge + 500)
    expect(await app.finish(user)).toMatchObject([{ reason: 'idle_timeout' }])
  })

  test('A store that throws is an error', async () => {
    class ThrowingStore extends MemoryStore {
      override all(): never {
        throw new Error('There is no connection.')
      }
    }
    const app = await runWatchingApp(new ThrowingStore())
    await expect.poll(() => app.errors.length).toBeGreaterThan(1)
    expect(app.errors[0]?.message).toContain('There is no connection.')
  })

  class StoreWithoutList extends Store {
    get(_sid: string, callback: Parameters<Store['get']>[1]) {
      callback(null, null)
    }
    set(_sid: string, _session: unknown, callback?: () => void) {
      callback?.()
    }
    destroy(_sid: string, callback?: () => void) {
      callback?.()
    }
  }

  test('A store that cannot list its sessions is an error that says so', async () => {
    const app = await runWatchingApp(new StoreWithoutList())
    await expect.poll(() => app.errors.length).toBeGreaterThan(0)
    expect(app.errors[0]?.message).toContain('cannot list its sessions')
  })

  test('An entry that is not a session affects no other', async () => {
    const user = createUser()
    const store = new MemoryStore()
    for (const [sid, data] of [
      ['a', '[]'],
      ['b', '{"lapse":{},"cookie":7}'],
    ] as const)
      Object.assign(Reflect.get(store, 'sessions'), { [sid]: data })
    const app = await runWatchingApp(store)
    await new Visitor(app).signIn(user)
    await sleep(maxAge + 500)
    expect(await app.finish(user)).toMatchObject([{ reason: 'idle_timeout' }])
    expect(app.errors).toEqual([])
  })

  test.each([0, -1, Number.NaN, 86_401])('An interval of %s seconds is refused', async (seconds) => {
    const app = await runApp(site, () => {})
    expect(() => watchSessionStore(app.lapse, new MemoryStore(), { everySeconds: seconds })).toThrow(
      /everySeconds is .*Set it to a number of seconds/,
    )
  })
})
