import { randomBytes } from 'node:crypto'
import { bodyParser } from '@koa/bodyparser'
import Router from '@koa/router'
import type { Identity } from '@lapse/client'
import type { LapseServer, StoredSession } from '@lapse/server'
import Koa, { type Context } from 'koa'
import session from 'koa-session'
import { createSecurityMiddleware } from '../../_shared/koa.ts'
import { findUser } from '../../_shared/users.ts'
import { servePages } from './pages.ts'

interface SpaOptions {
  readonly lapse: LapseServer
  /** The collector's origin, for the Content Security Policy. */
  readonly collector: string
  readonly idleTimeoutSeconds: number
  /** The folder of the built pages. */
  readonly pagesFolder: string
}

/** The application: its pages, and an API whose session is an HttpOnly cookie that every call renews. */
export function createApp(options: SpaOptions): Koa {
  const app = new Koa()
  // Signs the session cookie. In production, use a key that survives a restart.
  app.keys = [randomBytes(32).toString('base64url')]
  app.use(createSecurityMiddleware({ scripts: "'self'", connections: `'self' ${options.collector}` }))
  // Before the session: loading a file must not keep an idle session alive.
  app.use(servePages(options.pagesFolder).routes())
  app.use(createApi(options, app).routes())
  return app
}

function createApi({ lapse, idleTimeoutSeconds }: SpaOptions, app: Koa): Router {
  const router = new Router({ prefix: '/api' })
  router.use(
    session({ key: 'spa_session', rolling: true, sameSite: 'lax', maxAge: idleTimeoutSeconds * 1000 }, app),
  )

  router.post('/session', bodyParser({ jsonLimit: '4kb' }), (ctx) => {
    const subject = findUser(Object(ctx.request.body).user)?.subject
    if (!subject) return ctx.throw(422, 'Choose one of the example users.')
    // The subject and a random alias. It gives no access, so scripts may know it.
    ctx.session = lapse.createSession(subject)
    ctx.status = 204
  })

  router.delete('/session', (ctx) => {
    if (!ctx.session.isNew) lapse.ended({ ...readSession(ctx), reason: 'logout' })
    ctx.session = null
    ctx.status = 204
  })

  // All routes below need a session, and renew it.
  router.use((ctx, next) => {
    // See src/api.ts for how the page handles it.
    if (ctx.session.isNew) ctx.throw(401, 'There is no session.')
    lapse.active(readSession(ctx))
    return next()
  })

  router.get('/session', (ctx) => {
    const { subject, session } = readSession(ctx)
    // The page passes this to `active`.
    ctx.body = { subject, session, ticket: lapse.ticket(readSession(ctx)) } satisfies Identity
  })

  router.get('/report', (ctx) => {
    ctx.body = { openItems: 12, closedThisWeek: 41 }
  })

  router.get('/messages', (ctx) => {
    ctx.body = { unread: 3, checkedAt: new Date().toISOString() }
  })
  return router
}

function readSession(ctx: Context): StoredSession {
  const { subject, session, startedAt } = ctx.session
  return { subject, session, startedAt }
}
