import { randomBytes, randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import Router from '@koa/router'
import Koa, { type Context } from 'koa'
import session from 'koa-session'
import type { Html } from '../../examples/_shared/html.ts'
import { createSecurityMiddleware, readForm, redirect } from '../../examples/_shared/koa.ts'
import { signTicket } from '../../examples/_shared/ticket.ts'
import { findUser } from '../../examples/_shared/users.ts'
import { streamAuditRows } from './auditStream.ts'
import type { DemoOptions } from './options.ts'
import { renderHome } from './pages/home.ts'
import { renderLogin } from './pages/login.ts'
import { renderReports } from './pages/reports.ts'
import { type SessionData, SessionStore } from './sessionStore.ts'

/** The demo's application: real sessions on the server, audited with script tags and signed tickets. */
export function createApp(options: DemoOptions): { app: Koa; sessions: SessionStore } {
  const idleTimeoutMs = options.idleTimeoutSeconds * 1000
  const sessions = new SessionStore(idleTimeoutMs)
  const app = new Koa()
  // The sessions are in memory, so a key that lives as long as this process is enough.
  app.keys = [randomBytes(32).toString('base64url')]
  const withSession = session(
    {
      key: 'demo_session',
      store: sessions,
      rolling: true,
      sameSite: 'lax',
      // A cookie's Expires is in whole seconds, rounded down. Without the extra time, the cookie would expire too early.
      maxAge: idleTimeoutMs + 999,
    },
    app,
  )

  const sources = `'self' ${options.collector}`
  app.use(createSecurityMiddleware({ scripts: sources, connections: sources }))
  // Before the session: files and the audit stream must not keep an idle session alive.
  app.use(createSessionlessRoutes(options).routes())
  app.use(createSessionRoutes(options, sessions, withSession).routes())
  return { app, sessions }
}

function createSessionlessRoutes({ readAuditRows }: DemoOptions): Router {
  const router = new Router()
  for (const file of ['style.css', 'workspace.css', 'audit.css', 'demo.js', 'icon.svg']) {
    router.get(`/${file}`, async (ctx) => {
      ctx.set('Cache-Control', 'no-cache')
      ctx.type = file.slice(file.lastIndexOf('.'))
      ctx.body = await readFile(new URL(`./public/${file}`, import.meta.url))
    })
  }
  if (readAuditRows) router.get('/audit', streamAuditRows(readAuditRows))
  return router
}

function createSessionRoutes(
  options: DemoOptions,
  sessions: SessionStore,
  withSession: Koa.Middleware,
): Router {
  const { site, idleTimeoutSeconds, ticketSecret: secret } = options
  const router = new Router()
  router.use(withSession)

  router.get('/', (ctx) => {
    const signedIn = findSession(ctx)
    if (signedIn) sendPage(ctx, renderHome(options, signedIn))
    else redirect(ctx, '/login')
  })

  router.get('/reports', (ctx) => {
    const signedIn = findSession(ctx)
    if (signedIn) sendPage(ctx, renderReports(options, signedIn))
    else redirect(ctx, '/login')
  })

  router.get('/login', (ctx) => {
    if (findSession(ctx)) redirect(ctx, '/')
    else sendPage(ctx, renderLogin(options))
  })

  router.post('/login', async (ctx) => {
    const subject = findUser((await readForm(ctx)).get('user'))?.subject
    if (!subject) return ctx.throw(422, 'Choose one of the demo users.')
    const alias = randomUUID()
    const ticket = await signTicket({ site, subject, session: alias, idleTimeoutSeconds, secret })
    ctx.session = { subject, alias, ticket, signedInAt: Date.now() } satisfies SessionData
    // A new id in the cookie, so that an id planted in this browser earlier does not open the session.
    await ctx.session.regenerate()
    redirect(ctx, '/')
  })

  router.post('/logout', (ctx) => {
    ctx.session = null
    redirect(ctx, '/login')
  })

  router.post('/revoke', (ctx) => {
    const signedIn = findSession(ctx)
    if (signedIn) sessions.drop(signedIn.alias)
    redirect(ctx, '/')
  })

  return router
}

function findSession(ctx: Context): SessionData | undefined {
  // Without a session, koa-session provides an empty object. It saves the object only if something is put into it.
  return ctx.session.isNew ? undefined : ctx.session
}

function sendPage(ctx: Context, page: Html): void {
  ctx.type = 'html'
  ctx.body = page.toString()
}
