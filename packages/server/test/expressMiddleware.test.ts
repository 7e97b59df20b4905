import { setTimeout as sleep } from 'node:timers/promises'
import { type ExpressLapse, lapseExpress } from '@lapse/server/express'
import { MemoryStore } from 'express-session'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  addRoutes,
  createSessionMiddleware,
  createUser,
  destroySession,
  type ReportingSite,
  regenerateSession,
  runApp,
  startReportingSite,
  Visitor,
} from './support/expressApp.ts'

let site: ReportingSite
beforeAll(async () => {
  site = await startReportingSite()
})
afterAll(() => site.collector.end())

describe('Sessions of express-session', () => {
  test('A sign-out that regenerates the session, as Passport does, is a logout', async () => {
    const user = createUser()
    const app = await runApp(site, (express, lapse) => {
      express.use(createSessionMiddleware(), lapseExpress(lapse))
      addRoutes(express)
      express.get('/passport-logout', async (request, response) => {
        await regenerateSession(request)
        response.end()
      })
    })
    const visitor = new Visitor(app)
    await visitor.signIn(user)
    await visitor.fetch('/passport-logout')
    expect(await visitor.read('/')).toContain('data-state="absent"')
    expect(await app.finish(user)).toMatchObject([{ reason: 'logout', evidence: 'server' }])
  })

  test('A request that finishes after the logout does not bring the session back', async () => {
    const user = createUser()
    const app = await runApp(site, (express, lapse) => {
      express.use(createSessionMiddleware(), lapseExpress(lapse))
      addRoutes(express)
      express.get('/slow', async (_request, response) => {
        await sleep(300)
        response.end()
      })
    })
    const visitor = new Visitor(app)
    await visitor.signIn(user)
    const slow = visitor.fetch('/slow')
    await sleep(100)
    await visitor.fetch('/sign-out')
    await slow
    expect(await app.finish(user)).toMatchObject([{ reason: 'logout' }])
    expect(await app.readLiveSessions(user)).toEqual([])
  })

  test('A slow sign-in over a live session displaces it', async () => {
    const [user, next] = [createUser(), createUser()]
    const app = await runApp(site, (express, lapse) => {
      express.use(createSessionMiddleware(), lapseExpress(lapse))
      addRoutes(express)
      express.get('/slow-sign-in', async (request, response) => {
        await regenerateSession(request)
        await sleep(1300)
        request.lapse.signIn(next)
        response.end()
      })
    })
    const visitor = new Visitor(app)
    await visitor.signIn(user)
    await visitor.fetch('/slow-sign-in')
    expect(await app.finish(user)).toMatchObject([{ reason: 'displaced' }])
  })

  test('An API hands the session and its ticket to the client', async () => {
    const user = createUser()
    const running = await runApp(site, (app, lapse) => {
      app.use(createSessionMiddleware(), lapseExpress(lapse))
      addRoutes(app)
      app.get('/api/session', (request, response) => {
        const { session } = request.lapse
        response.json(session ? { ...session, ticket: lapse.ticket(session) } : null)
      })
    })
    const visitor = new Visitor(running)
    expect(await visitor.read('/api/session')).toBe('null')
    await visitor.signIn(user)
    const { subject, session, ticket } = JSON.parse(await visitor.read('/api/session'))
    expect(subject).toBe(user)
    expect(decodeJwt(ticket)).toMatchObject({ iss: 'acme', sub: user, sid: session })
  })

  test('A session can have its own idle timeout, which the tag and the collector know', async () => {
    const user = createUser()
    const app = await runApp(site, (express, lapse) => {
      express.use(createSessionMiddleware(), lapseExpress(lapse))
      addRoutes(express)
      express.get('/remember-me', (request, response) => {
        request.lapse.signIn(user, { idleTimeoutSeconds: 2_592_000 })
        response.end()
      })
    })
    const visitor = new Visitor(app)
    await visitor.fetch('/remember-me')
    expect(await visitor.read('/')).toContain('data-idle-timeout-seconds="2592000"')
    await app.finish(user)
    expect(await app.readLiveSessions(user)).toMatchObject([{ idle_timeout_seconds: 2_592_000 }])
  })

  test.each([0, 1.5, Number.NaN, 34_560_001])(
    'An idle timeout of %s seconds signs in nobody',
    async (seconds) => {
      const user = createUser()
      const app = await runApp(site, (express, lapse) => {
        express.use(createSessionMiddleware(), lapseExpress(lapse))
        addRoutes(express)
        express.get('/remember-me', (request, response) => {
          request.lapse.signIn(user, { idleTimeoutSeconds: seconds })
          response.end()
        })
      })
      const visitor = new Visitor(app)
      expect((await visitor.fetch('/remember-me')).status).toBe(200)
      expect(await visitor.read('/')).toContain('data-state="absent"')
      expect(app.errors).toMatchObject([{ code: 'invalid_report' }])
    },
  )
})

describe('Requests', () => {
  test('An aborted request that signs the user out is a logout', async () => {
    const user = createUser()
    const { promise: isSignedOut, resolve } = Promise.withResolvers<void>()
    const app = await runApp(site, (express, lapse) => {
      express.use(createSessionMiddleware(), lapseExpress(lapse))
      addRoutes(express)
      express.get('/slow-sign-out', async (request, response) => {
        await sleep(400)
        await destroySession(request)
        response.redirect('/login')
        setImmediate(resolve)
      })
    })
    const visitor = new Visitor(app)
    await visitor.signIn(user)
    await expect(visitor.fetch('/slow-sign-out', AbortSignal.timeout(100))).rejects.toThrow('aborted')
    await isSignedOut
    expect(await app.finish(user)).toMatchObject([{ reason: 'logout' }])
  })

  test('A stream of events counts as activity while it is open', async () => {
    const user = createUser()
    const app = await runApp(site, (express, lapse) => {
      express.use(createSessionMiddleware())
      // Before Lapse, so that the stream is the session's first activity.
      express.get('/sign-in', (request, response) => {
        Object.assign(request.session, { lapse: lapse.createSession(user) })
        response.end()
      })
      express.use(lapseExpress(lapse))
      express.get('/events', (_request, response) => {
        response.writeHead(200, { 'Content-Type': 'text/event-stream' }).write('data: 1\n\n')
      })
    })
    const stream = new AbortController()
    const visitor = new Visitor(app)
    await visitor.fetch('/sign-in')
    await visitor.fetch('/events', stream.signal)
    await expect.poll(() => app.readLiveSessions(user)).toHaveLength(1)
    stream.abort()
  })

  test('A handler that throws extends the session, or ends it, as any other', async () => {
    const user = createUser()
    const app = await runApp(site, (express, lapse) => {
      express.use(createSessionMiddleware(), lapseExpress(lapse))
      addRoutes(express)
      express.get('/fail', () => {
        throw new Error('A fault of the application.')
      })
      express.get('/fail-to-sign-out', async (request) => {
        await destroySession(request)
        throw new Error('A fault of the application.')
      })
    })
    const visitor = new Visitor(app)
    await visitor.signIn(user)
    expect((await visitor.fetch('/fail')).status).toBe(500)
    expect(await visitor.read('/')).toContain('data-state="active"')
    await visitor.stay()
    expect((await visitor.fetch('/fail-to-sign-out')).status).toBe(500)
    expect(await app.finish(user)).toMatchObject([{ reason: 'logout' }])
    expect(app.errors).toEqual([])
  })

  test('If `isActivity` throws, a logout is still reported', async () => {
    const user = createUser()
    const isActivity = () => {
      throw new Error('A fault of the application.')
    }
    const app = await runApp(site, (express, lapse) => {
      express.use(createSessionMiddleware(), lapseExpress(lapse, { isActivity }))
      addRoutes(express)
    })
    const visitor = new Visitor(app)
    await visitor.signIn(user)
    await visitor.fetch('/sign-out')
    expect(await app.finish(user)).toMatchObject([{ reason: 'logout' }])
    expect(app.errors).toContainEqual(expect.objectContaining({ code: 'unexpected' }))
  })

  test('An application may use `response.locals.lapse` for something else', async () => {
    const app = await runApp(site, (express, lapse) => {
      express.use(createSessionMiddleware(), lapseExpress(lapse))
      express.get('/', (_request, response) => {
        response.locals.lapse = 'of the application'
        response.send(response.locals.lapse)
      })
    })
    expect(await new Visitor(app).read('/')).toBe('of the application')
  })
})

describe('Requests without a session', () => {
  test('While the store is disconnected, the tag is empty and nothing is reported', async () => {
    const user = createUser()
    const store = new MemoryStore()
    const app = await runApp(site, (express, lapse) => {
      express.use(createSessionMiddleware({ store }), lapseExpress(lapse))
      express.get('/sign-in', (request, response) => {
        response.json(request.lapse.signIn(user) ?? null)
      })
      express.get('/', (request, response) => void response.json(readLapse(request.lapse)))
    })
    store.emit('disconnect')
    const visitor = new Visitor(app)
    expect(await visitor.read('/sign-in')).toBe('null')
    expect(JSON.parse(await visitor.read('/'))).toEqual({ tag: '' })
    expect(app.errors.map(({ message }) => message)).toEqual([
      expect.stringContaining('A request has no session.'),
      expect.stringContaining('signIn: the request has no session'),
    ])
    store.emit('connect')
    expect(await visitor.read('/')).toContain('absent')
    expect(await app.finish(user)).toEqual([])
    expect(app.lapse.health()).toMatchObject({ reported: 0, dropped: 0 })
  })

  test('A middleware before the session causes one error, and the application works', async () => {
    const app = await runApp(site, (express, lapse) => {
      express.use(lapseExpress(lapse), createSessionMiddleware())
      express.get('/', (request, response) => void response.json(readLapse(request.lapse)))
    })
    const visitor = new Visitor(app)
    for (let count = 0; count < 3; count++) expect(JSON.parse(await visitor.read('/'))).toEqual({ tag: '' })
    expect(app.errors.map(({ message }) => message)).toEqual([
      expect.stringContaining('Put lapseExpress after the session middleware'),
    ])
  })
})

const readLapse = ({ session, tag }: ExpressLapse) => ({ session, tag })
