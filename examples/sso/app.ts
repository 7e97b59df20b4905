import { randomBytes } from 'node:crypto'
import Router from '@koa/router'
import type { LapseServer, StoredSession } from '@lapse/server'
import Koa from 'koa'
import session from 'koa-session'
import { Html, html } from '../_shared/html.ts'
import { createSecurityMiddleware, redirect, serveStyle } from '../_shared/koa.ts'
import { renderPage } from '../_shared/page.ts'
import { type ClientOptions, OpenIdClient, type PendingSignIn } from './openIdClient.ts'

interface SsoOptions extends ClientOptions {
  readonly lapse: LapseServer
  /** The collector's origin, for the Content Security Policy. */
  readonly collector: string
  readonly idleTimeoutSeconds: number
}

/** An application without a login page: users without a session go to the provider and come back with a new one. */
export function createApp(options: SsoOptions): Koa {
  const app = new Koa()
  // Signs the session cookie. In production, use a key that survives a restart.
  app.keys = [randomBytes(32).toString('base64url')]
  app.use(createSecurityMiddleware({ scripts: options.collector, connections: options.collector }))
  // Before the session: loading a file must not keep an idle session alive.
  app.use(serveStyle)
  app.use(
    session(
      { key: 'desk_session', rolling: true, sameSite: 'lax', maxAge: options.idleTimeoutSeconds * 1000 },
      app,
    ),
  )
  app.use(createRoutes(options).routes())
  return app
}

function createRoutes({ lapse, ...options }: SsoOptions): Router {
  const client = new OpenIdClient(options)
  const router = new Router()

  router.get('/', async (ctx) => {
    const session: StoredSession | undefined = ctx.session.lapse
    if (session) {
      lapse.active(session)
      ctx.body = renderHomePage(session, lapse.tag(session))
      return
    }
    const { url, pending } = await client.beginSignIn()
    ctx.session.pending = pending
    ctx.redirect(url.href)
  })

  router.get('/callback', async (ctx) => {
    const pending: PendingSignIn | undefined = ctx.session.pending
    if (!pending) return ctx.redirect('/')
    const subject = await client.finishSignIn(ctx.url, pending)
    // With an alias of this application's session. The provider's `sid` would not do: the provider's session outlives
    // many sessions here, and all of them would have the same alias.
    ctx.session = { lapse: lapse.createSession(subject) }
    ctx.redirect('/')
  })

  router.post('/logout', (ctx) => {
    const session: StoredSession | undefined = ctx.session.lapse
    if (session) lapse.ended({ ...session, reason: 'logout' })
    ctx.session = null
    redirect(ctx, '/goodbye')
  })

  router.get('/goodbye', (ctx) => {
    ctx.body = renderPage({ title: 'Signed out', content: html`<p><a href="/">Sign in again</a></p>` })
  })
  return router
}

/** @param tag the script tag. */
function renderHomePage({ subject, session }: StoredSession, tag: string): string {
  return renderPage({
    title: 'Service desk',
    head: new Html(tag),
    content: html`<p>Signed in as <code>${subject}</code>, session <code>${session.slice(0, 8)}</code>.</p>
<p>Wait until this session has expired, then open the page again. The provider still knows you and sends you back
without a login page. You have a new session, and the audit table has a row about the old one.</p>
<form method="post" action="/logout" data-lapse-logout><button>Sign out</button></form>`,
  })
}
