import { randomBytes, randomUUID } from 'node:crypto'
import Router from '@koa/router'
import Koa from 'koa'
import session from 'koa-session'
import { html } from '../_shared/html.ts'
import { createSecurityMiddleware, redirect, serveStyle } from '../_shared/koa.ts'
import type { AppOptions } from '../_shared/options.ts'
import { renderPage } from '../_shared/page.ts'
import { signTicket } from '../_shared/ticket.ts'
import { type ClientOptions, OpenIdClient, type PendingSignIn } from './openIdClient.ts'

type SsoOptions = AppOptions & ClientOptions

interface SignedIn {
  readonly subject: string
  /**
   * A random id of this application's session. The provider's `sid` would not do: the provider's session outlives many
   * sessions here, and all of them would have the same id.
   */
  readonly alias: string
  readonly ticket: string
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

function createRoutes(options: SsoOptions): Router {
  const { idleTimeoutSeconds, ticketSecret: secret } = options
  const client = new OpenIdClient(options)
  const router = new Router()

  router.get('/', async (ctx) => {
    const signedIn: SignedIn | undefined = ctx.session.signedIn
    if (signedIn) {
      ctx.body = renderHomePage(options, signedIn)
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
    const alias = randomUUID()
    const ticket = await signTicket({ site: 'desk', subject, session: alias, idleTimeoutSeconds, secret })
    ctx.session = { signedIn: { subject, alias, ticket } satisfies SignedIn }
    ctx.redirect('/')
  })

  router.post('/logout', (ctx) => {
    ctx.session = null
    redirect(ctx, '/goodbye')
  })

  router.get('/goodbye', (ctx) => {
    ctx.body = renderPage({ title: 'Signed out', content: html`<p><a href="/">Sign in again</a></p>` })
  })
  return router
}

/** The whole integration: the script tag on pages with a session, and the attribute on the sign-out form. */
function renderHomePage(
  { collector, idleTimeoutSeconds }: SsoOptions,
  { subject, alias, ticket }: SignedIn,
): string {
  return renderPage({
    title: 'Service desk',
    head: html`<script src="${collector}/lapse.js" defer data-site="desk" data-idle-timeout-seconds="${idleTimeoutSeconds}" data-state="active" data-subject="${subject}" data-session="${alias}" data-ticket="${ticket}"></script>`,
    content: html`<p>Signed in as <code>${subject}</code>, session <code>${alias.slice(0, 8)}</code>.</p>
<p>Wait until this session has expired, then open the page again. The provider still knows you and sends you back
without a login page. You have a new session, and the audit table has a row about the old one.</p>
<form method="post" action="/logout" data-lapse-logout><button>Sign out</button></form>`,
  })
}
