import { randomBytes, randomUUID } from 'node:crypto'
import { bodyParser } from '@koa/bodyparser'
import Router from '@koa/router'
import Koa, { type Context, type Next } from 'koa'
import session from 'koa-session'
import { createSecurityMiddleware } from '../../_shared/koa.ts'
import type { AppOptions } from '../../_shared/options.ts'
import { signTicket } from '../../_shared/ticket.ts'
import { findUser } from '../../_shared/users.ts'
import { servePages } from './pages.ts'

interface SpaOptions extends AppOptions {
  /** The folder of the built pages. */
  readonly pagesFolder: string
}

/** What the session holds. Its names are those of the client's `Identity`, because the page passes it to `active`. */
interface SessionData {
  /** An opaque user id, never a name or an email address. */
  readonly subject: string
  /** The session alias: a random id created at sign-in. It grants no access, so scripts may know it. */
  readonly session: string
  readonly ticket: string
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

function createApi({ idleTimeoutSeconds, ticketSecret: secret }: SpaOptions, app: Koa): Router {
  const router = new Router({ prefix: '/api' })
  router.use(
    session({ key: 'spa_session', rolling: true, sameSite: 'lax', maxAge: idleTimeoutSeconds * 1000 }, app),
  )

  router.post('/session', bodyParser({ jsonLimit: '4kb' }), async (ctx) => {
    const subject = findUser(Object(ctx.request.body).user)?.subject
    if (!subject) return ctx.throw(422, 'Choose one of the example users.')
    const session = randomUUID()
    const ticket = await signTicket({ site: 'spa', subject, session, idleTimeoutSeconds, secret })
    ctx.session = { subject, session, ticket } satisfies SessionData
    ctx.status = 204
  })

  router.get('/session', requireSession, (ctx) => {
    const { subject, session, ticket }: SessionData = ctx.session
    ctx.body = { subject, session, ticket }
  })

  router.delete('/session', (ctx) => {
    ctx.session = null
    ctx.status = 204
  })

  router.get('/report', requireSession, (ctx) => {
    ctx.body = { openItems: 12, closedThisWeek: 41 }
  })

  router.get('/messages', requireSession, (ctx) => {
    ctx.body = { unread: 3, checkedAt: new Date().toISOString() }
  })
  return router
}

/** Without a session, every call gets a 401. See src/api.ts for how the page handles it. */
function requireSession(ctx: Context, next: Next) {
  if (ctx.session.isNew) ctx.throw(401, 'There is no session.')
  return next()
}
