import { setTimeout as sleep } from 'node:timers/promises'
import { lapseExpress } from '@lapse/server/express'
import cookieSession from 'cookie-session'
import type { Request } from 'express'
import { MemoryStore } from 'express-session'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  addRoutes,
  createSessionMiddleware,
  createUser,
  destroySession,
  idleTimeoutSeconds,
  type ReportingSite,
  runApp,
  startReportingSite,
  Visitor,
} from './support/expressApp.ts'

let site: ReportingSite
beforeAll(async () => {
  site = await startReportingSite()
})
afterAll(() => site.collector.end())

describe('Sessions that the application ends itself', () => {
  /** @param signOut what the application does with a session that has been idle for too long. */
  async function runAppWithIdleTimer(user: string, signOut: (request: Request) => Promise<unknown>) {
    const app = await runApp(
      site,
      (express, lapse) => {
        express.use(createSessionMiddleware(), lapseExpress(lapse))
        const lastUses = new Map<string, number>()
        express.use(async (request, response, next) => {
          const lastUse = lastUses.get(request.sessionID) ?? Date.now()
          if (Date.now() - lastUse < idleTimeoutSeconds.quick * 1000) {
            lastUses.set(request.sessionID, Date.now())
            return next()
          }
          await signOut(request)
          response.redirect('/login')
        })
        addRoutes(express)
      },
      'quick',
    )
    const visitor = new Visitor(app)
    await visitor.signIn(user)
    await visitor.fetch('/')
    await sleep(idleTimeoutSeconds.quick * 1000 + 500)
    expect((await visitor.fetch('/')).status).toBe(302)
    return app
  }

  test("A session that the application's own idle timer destroys is an idle timeout", async () => {
    const user = createUser()
    const app = await runAppWithIdleTimer(user, destroySession)
    expect(await app.finish(user)).toMatchObject([{ reason: 'idle_timeout', detected_by: 'server' }])
  })

  test('An idle timer can say that it was an idle timeout', async () => {
    const user = createUser()
    const app = await runAppWithIdleTimer(user, (request) => {
      request.lapse.signOut('idle_timeout')
      return destroySession(request)
    })
    expect(await app.finish(user)).toMatchObject([{ reason: 'idle_timeout', detected_by: 'server' }])
  })

  test('A stated reason is recorded as it is', async () => {
    const user = createUser()
    const app = await runApp(site, (express, lapse) => {
      express.use(createSessionMiddleware(), lapseExpress(lapse))
      addRoutes(express)
      express.get('/too-old', async (request, response) => {
        request.lapse.signOut('absolute_timeout')
        await destroySession(request)
        response.end()
      })
    })
    const visitor = new Visitor(app)
    await visitor.signIn(user)
    await visitor.fetch('/too-old')
    expect(await app.finish(user)).toMatchObject([{ reason: 'absolute_timeout' }])
  })

  test('Ending an unknown session reports nothing', async () => {
    const user = createUser()
    const app = await runApp(site, (express, lapse) => {
      express.use(createSessionMiddleware(), lapseExpress(lapse))
      addRoutes(express)
      express.get('/end', async (request, response) => {
        await request.lapse.end('unknown', 'revoked')
        response.send('ended')
      })
    })
    const visitor = new Visitor(app)
    await visitor.signIn(user)
    expect(await visitor.read('/end')).toBe('ended')
    expect(await app.finish(user)).toEqual([])
    expect(app.errors).toEqual([])
  })

  test('Ending a session rejects if the store fails, and reports nothing', async () => {
    class BrokenStore extends MemoryStore {
      override get(sid: string, callback: Parameters<MemoryStore['get']>[1]) {
        if (sid === 'broken') callback(new Error('The disk is full.'))
        else super.get(sid, callback)
      }
    }
    const app = await runApp(site, (express, lapse) => {
      express.use(createSessionMiddleware({ store: new BrokenStore() }), lapseExpress(lapse))
      express.get('/end', async (request, response) => {
        const result = await request.lapse.end('broken', 'revoked').catch((error: Error) => error.message)
        response.send(result)
      })
    })
    expect(await new Visitor(app).read('/end')).toBe('The disk is full.')
    expect(app.lapse.health()).toMatchObject({ queued: 0, reported: 0 })
  })
})

describe('Sessions of cookie-session', () => {
  test('They are followed from the sign-in to the logout', async () => {
    const user = createUser()
    const app = await runApp(site, (express, lapse) => {
      express.use(cookieSession({ secret: 'a secret of the tests' }), lapseExpress(lapse))
      express.get('/sign-in/:user', (request, response) => {
        request.lapse.signIn(request.params.user)
        response.end()
      })
      express.get('/sign-out', (request, response) => {
        // `request.session = null`. The type is that of express-session.
        Object.assign(request, { session: null })
        response.end()
      })
      express.get('/end', async (request, response) => {
        await request.lapse.end('any', 'revoked')
        response.end()
      })
      express.get('/', (request, response) => void response.send(request.lapse.tag))
    })
    const visitor = new Visitor(app)
    expect(await visitor.read('/')).toContain('data-state="absent"')
    await visitor.signIn(user)
    expect(await visitor.read('/')).toContain(`data-subject="${user}"`)
    await visitor.fetch('/end')
    expect(app.errors).toMatchObject([{ message: 'end: the request has no session store.' }])
    await visitor.stay()
    await visitor.fetch('/sign-out')
    expect(await visitor.read('/')).toContain('data-state="absent"')
    expect(await app.finish(user)).toMatchObject([{ reason: 'logout', evidence: 'server' }])
  })
})
