import { createServer } from 'node:http'
import type { LapseServer } from '@lapse/server'
import { type KoaSessionOptions, type LapseKoaOptions, lapseKoa } from '@lapse/server/koa'
import Koa from 'koa'
import session, { type CreateSessionOptions } from 'koa-session'
import { onTestFinished } from 'vitest'
import { listen } from '../../../test/listen.ts'
import { createCookieJar } from './cookieJar.ts'

const halfHourMs = 1_800_000
/** The key that signs cookies. */
export const cookieKey = 'a key that signs cookies'

/** The options of koa-session. */
export type Options = KoaSessionOptions & CreateSessionOptions

/** Starts an application of Koa, and returns it with a client. */
export async function startKoa(
  lapse: LapseServer,
  options: Options = {},
  lapseOptions: LapseKoaOptions = {},
) {
  const app = new Koa()
  app.silent = true
  app.keys = [cookieKey]
  const sessions = lapseKoa(lapse, app, { maxAge: halfHourMs, ...options }, lapseOptions)
  app.use(sessions.middleware)
  app.use(session(sessions.options, app))
  app.use(async (ctx) => {
    ctx.body = ''
    await createActions(ctx)[ctx.path]?.()
  })
  const server = await listen(createServer(app.callback()))
  onTestFinished(() => server.close())
  return { app, sessions, jar: createCookieJar(server.url), createJar: () => createCookieJar(server.url) }
}

/** What the application does at each path. */
function createActions(ctx: Koa.Context): Readonly<Record<string, () => unknown>> {
  return {
    '/sign-in': () => ctx.lapse.signIn(String(ctx.query.user)),
    '/replace': () => {
      ctx.session = { color: 'green' }
      ctx.lapse.signIn(String(ctx.query.user))
    },
    '/remember': () => {
      ctx.lapse.signIn(String(ctx.query.user))
      ctx.session.maxAge = 30 * 86_400_000
    },
    '/sign-in-briefly': () => {
      ctx.lapse.signIn(String(ctx.query.user))
      ctx.session.maxAge = 1000
    },
    '/page': () => {
      ctx.body = ctx.lapse.tag
    },
    '/state': () => {
      ctx.body = ctx.state.lapse
    },
    '/change': () => {
      ctx.session.color = String(ctx.query.color)
    },
    '/regenerate': () => ctx.session.regenerate(),
    '/logout': () => {
      ctx.session = null
    },
    '/sign-out': () => ctx.lapse.signOut(),
    '/own-timer': () => {
      ctx.lapse.signOut('idle_timeout')
      ctx.session = null
    },
    '/end': () => ctx.lapse.end(String(ctx.query.key), 'displaced'),
    '/fail': () => {
      ctx.session.color = 'red'
      throw new Error('This page fails.')
    },
    '/fail-logout': () => {
      ctx.session = null
      throw new Error('This page fails.')
    },
  }
}

/** A store that keeps sessions after their time, so that koa-session finds them expired. */
export function createStore() {
  const data = new Map<string, string>()
  return {
    data,
    get: async (key: string) => JSON.parse(data.get(key) ?? 'null'),
    set: async (key: string, value: object) => void data.set(key, JSON.stringify(value)),
    destroy: async (key: string) => void data.delete(key),
  }
}
