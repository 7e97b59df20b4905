import { randomBytes, randomUUID } from 'node:crypto'
import { bodyParser } from '@koa/bodyparser'
import Router from '@koa/router'
import Koa, { type Context, type Next } from 'koa'
import session from 'koa-session'
import type { AppOptions, SessionData } from './options.ts'
import { pages } from './pages.ts'
import { sameOriginChanges, securityHeaders } from './security.ts'
import { signTicket } from './ticket.ts'

const users = new Set(['u_1001', 'u_1002', 'u_1003'])

/** The application's API, whose session is an HttpOnly cookie that every call renews, and its pages. */
export function createApp(options: AppOptions): Koa {
  const app = new Koa()
  // Signs the cookie. An application of yours takes it from where a restart does not lose it.
  app.keys = [randomBytes(32).toString('base64url')]
  app.use(securityHeaders(options.collector))
  app.use(sameOriginChanges)
  // Before the session: a file is no access, and must not keep an idle session alive.
  app.use(pages(options.pages).routes())
  app.use(api(options, app).routes())
  return app
}

function api(options: AppOptions, app: Koa): Router {
  const router = new Router({ prefix: '/api' })
  router.use(
    session(
      { key: 'spa_session', rolling: true, sameSite: 'lax', maxAge: options.idleTimeoutSeconds * 1000 },
      app,
    ),
  )
  router.use((ctx, next) => {
    ctx.set('Cache-Control', 'no-store')
    return next()
  })

  router.post('/session', bodyParser({ jsonLimit: '4kb' }), async (ctx) => {
    const { user: subject } = Object(ctx.request.body)
    if (!users.has(subject)) return ctx.throw(422, 'Choose one of the example users.')
    const session = randomUUID()
    const ticket = await signTicket(options, { subject, session })
    ctx.session = { subject, session, ticket } satisfies SessionData
    ctx.status = 204
  })

  router.get('/session', signedIn, (ctx) => {
    const { subject, session, ticket }: SessionData = ctx.session
    ctx.body = { subject, session, ticket }
  })

  router.delete('/session', (ctx) => {
    ctx.session = null
    ctx.status = 204
  })

  router.get('/report', signedIn, (ctx) => {
    ctx.body = { openItems: 12, closedThisWeek: 41 }
  })

  router.get('/messages', signedIn, (ctx) => {
    ctx.body = { unread: 3, checkedAt: new Date().toISOString() }
  })
  return router
}

/** Without a session there is one answer, 401, and what the page makes of it is in src/api.ts. */
function signedIn(ctx: Context, next: Next) {
  if (ctx.session.isNew) ctx.throw(401, 'There is no session.')
  return next()
}
