import { randomBytes, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import Router from '@koa/router'
import Koa, { type Context } from 'koa'
import session from 'koa-session'
import getRawBody from 'raw-body'
import { auditStream } from './auditStream.ts'
import type { DemoOptions } from './options.ts'
import { homePage } from './pages/home.ts'
import type { Html } from './pages/html.ts'
import { loginPage } from './pages/login.ts'
import { reportsPage } from './pages/reports.ts'
import { sameOriginPosts, securityHeaders } from './security.ts'
import { type SessionData, SessionStore } from './sessionStore.ts'
import { signTicket } from './ticket.ts'
import { findUser } from './users.ts'

export type { AuditRow, DemoOptions } from './options.ts'

/** A small application with real server-side sessions, audited by Lapse by script tags and a signed ticket. */
export function createApp(options: DemoOptions): { app: Koa; sessions: SessionStore } {
  const idleTimeoutMs = options.idleTimeoutSeconds * 1000
  const sessions = new SessionStore(idleTimeoutMs)
  const app = new Koa()
  // The sessions live in this process's memory, so a key that lives as long is enough.
  app.keys = [randomBytes(32).toString('base64url')]
  const withSession = session(
    {
      key: 'demo_session',
      store: sessions,
      rolling: true,
      sameSite: 'lax',
      // A cookie's Expires has no milliseconds: rounded down, a browser would drop it before its time.
      maxAge: idleTimeoutMs + 999,
    },
    app,
  )

  app.use(securityHeaders(options.collector))
  app.use(sameOriginPosts)
  // Before the session: what these serve is no access, and must not keep an idle session alive.
  app.use(sessionlessRoutes(options).routes())
  app.use(sessionRoutes(options, sessions, withSession).routes())
  return { app, sessions }
}

function sessionlessRoutes({ auditRows }: DemoOptions): Router {
  const router = new Router()
  for (const file of ['style.css', 'workspace.css', 'audit.css', 'demo.js', 'icon.svg']) {
    router.get(`/${file}`, async (ctx) => {
      ctx.set('Cache-Control', 'no-cache')
      ctx.type = file.slice(file.lastIndexOf('.'))
      ctx.body = await readFile(new URL(`./public/${file}`, import.meta.url))
    })
  }
  if (auditRows) router.get('/audit', auditStream(auditRows))
  return router
}

function sessionRoutes(options: DemoOptions, sessions: SessionStore, withSession: Koa.Middleware): Router {
  const router = new Router()
  router.use(withSession)

  router.get('/', (ctx) => {
    const signedIn = currentSession(ctx)
    if (signedIn) show(ctx, homePage(options, signedIn))
    else seeOther(ctx, '/login')
  })

  router.get('/reports', (ctx) => {
    const signedIn = currentSession(ctx)
    if (signedIn) show(ctx, reportsPage(options, signedIn))
    else seeOther(ctx, '/login')
  })

  router.get('/login', (ctx) => {
    if (currentSession(ctx)) seeOther(ctx, '/')
    else show(ctx, loginPage(options))
  })

  router.post('/login', async (ctx) => {
    const user = findUser((await readForm(ctx)).get('user'))
    if (!user) return ctx.throw(422, 'Choose one of the demo users.')
    const { subject } = user
    const alias = randomUUID()
    const ticket = await signTicket(options, { subject, alias })
    ctx.session = { subject, alias, ticket, signedInAt: Date.now() } satisfies SessionData
    // A new id in the cookie: one that was planted in this browser earlier must not open the session.
    await ctx.session.regenerate()
    seeOther(ctx, '/')
  })

  router.post('/logout', (ctx) => {
    ctx.session = null
    seeOther(ctx, '/login')
  })

  router.post('/revoke', (ctx) => {
    const signedIn = currentSession(ctx)
    if (signedIn) sessions.drop(signedIn.alias)
    seeOther(ctx, '/')
  })

  return router
}

function currentSession(ctx: Context): SessionData | undefined {
  // koa-session offers an empty object where there is no session. It is saved only if something is put in it.
  return ctx.session.isNew ? undefined : ctx.session
}

async function readForm(ctx: Context): Promise<URLSearchParams> {
  const length = ctx.request.length ?? null
  return new URLSearchParams(await getRawBody(ctx.req, { encoding: 'utf-8', limit: '4kb', length }))
}

function show(ctx: Context, page: Html): void {
  ctx.set('Cache-Control', 'no-store')
  ctx.type = 'html'
  ctx.body = page.toString()
}

/** 303: whatever the method was, the next page is fetched with GET. */
function seeOther(ctx: Context, path: string): void {
  ctx.set('Cache-Control', 'no-store')
  ctx.redirect(path)
  ctx.status = 303
}
