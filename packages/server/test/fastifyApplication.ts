import { randomBytes } from 'node:crypto'
import cookie from '@fastify/cookie'
import secureSession, { type Session as CookieSession } from '@fastify/secure-session'
import fastifySession, { type FastifySessionObject, type FastifySessionOptions } from '@fastify/session'
import type { LapseServer } from '@lapse/server'
import { type FastifySessionStore, type LapseFastifyOptions, lapseFastify } from '@lapse/server/fastify'
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { onTestFinished } from 'vitest'
import { type CookieJar, createCookieJar } from './cookieJar.ts'

const halfHourMs = 1_800_000

declare module 'fastify' {
  interface Session {
    color?: string
  }
}

/** The options of the plugin without the server. */
export type Options = Omit<LapseFastifyOptions, 'lapse'>
type UserRequest = FastifyRequest<{ Querystring: Readonly<Record<string, string>> }>
/** What an application does at a path. */
export type Routes = Readonly<Record<string, (request: UserRequest) => unknown>>

const commonRoutes: Routes = {
  '/sign-in': ({ lapse, query }) => void lapse.signIn(query.user ?? ''),
  '/sign-out': ({ lapse }) => lapse.signOut(),
  '/switch': ({ lapse, query }) => {
    lapse.signOut('revoked')
    lapse.signIn(query.user ?? '')
  },
  '/page': ({ lapse }) => lapse.tag,
  '/end': ({ lapse, query }) => lapse.end(query.id ?? '', 'displaced'),
}

// Both plugins declare `request.session`, with different types.
const readStoreSession = (request: FastifyRequest) => request.getDecorator<FastifySessionObject>('session')
const storeRoutes: Routes = {
  ...commonRoutes,
  '/change': (request) => readStoreSession(request).set('color', request.query.color),
  '/replace': async (request) => {
    await readStoreSession(request).regenerate()
    request.lapse.signIn(request.query.user ?? '')
  },
  '/regenerate': (request) => readStoreSession(request).regenerate(['lapse']),
  '/logout': (request) => readStoreSession(request).destroy(),
  '/own-timer': async (request) => {
    request.lapse.signOut('idle_timeout')
    await readStoreSession(request).destroy()
  },
  '/sign-in-briefly': (request) => {
    request.lapse.signIn(request.query.user ?? '')
    readStoreSession(request).options({ maxAge: 1000, secure: false })
  },
}

const readCookieSession = (request: FastifyRequest) =>
  request.getDecorator<CookieSession<{ color: string }>>('session')
const cookieRoutes: Routes = {
  ...commonRoutes,
  '/change': (request) => readCookieSession(request).set('color', request.query.color),
  '/replace': (request) => {
    readCookieSession(request).regenerate()
    request.lapse.signIn(request.query.user ?? '')
  },
  '/regenerate': (request) => readCookieSession(request).regenerate(['lapse']),
  '/logout': (request) => readCookieSession(request).delete(),
  '/delete-and-sign-in': (request) => {
    readCookieSession(request).delete()
    request.lapse.signIn(request.query.user ?? '')
  },
  '/own-timer': (request) => {
    request.lapse.signOut('idle_timeout')
    readCookieSession(request).delete()
  },
}

/** An application and a client of it. */
export interface TestFastify {
  readonly jar: CookieJar
  /** Creates another client. */
  createJar(): CookieJar
}

/** Adds routes and listens until the test is finished. */
export async function listen(app: FastifyInstance, routes: Routes): Promise<TestFastify> {
  for (const [path, route] of Object.entries(routes))
    app.get(path, async (request) => (await route(request as UserRequest)) ?? '')
  const url = await app.listen({ host: '127.0.0.1', port: 0 })
  onTestFinished(() => app.close())
  return { jar: createCookieJar(url), createJar: () => createCookieJar(url) }
}

/** Starts an application with @fastify/session. */
export async function startStoreSessions(
  lapse: LapseServer,
  sessionOptions: Partial<FastifySessionOptions> = {},
  options: Options = {},
): Promise<TestFastify> {
  const app = fastify()
  await app.register(cookie)
  await app.register(fastifySession, {
    secret: 'a secret that signs the cookies of a test',
    cookie: { secure: false, maxAge: halfHourMs },
    ...sessionOptions,
  })
  await app.register(lapseFastify, { lapse, ...options })
  return listen(app, storeRoutes)
}

/** Starts an application with @fastify/secure-session. */
export async function startCookieSessions(
  lapse: LapseServer,
  options: Options = {},
  key: string | Buffer[] = randomBytes(32).toString('base64'),
): Promise<TestFastify> {
  const app = fastify()
  await app.register(secureSession, { key, expiry: halfHourMs / 1000, cookie: { path: '/' } })
  await app.register(lapseFastify, { lapse, ...options })
  return listen(app, cookieRoutes)
}

/** A store that keeps sessions after their time, so that the plugin finds them expired. */
export function createStore() {
  const data = new Map<string, string>()
  const store: FastifySessionStore = {
    get: (id, callback) => callback(null, JSON.parse(data.get(id) ?? 'null')),
    set(id, session, callback) {
      data.set(id, JSON.stringify(session))
      callback()
    },
    destroy(id, callback) {
      data.delete(id)
      callback()
    },
  }
  return { data, store }
}
