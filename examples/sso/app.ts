import { randomBytes, randomUUID } from 'node:crypto'
import Router from '@koa/router'
import Koa, { type Context } from 'koa'
import session from 'koa-session'
import { html, page } from './pages.ts'
import { type PendingSignIn, type SignInOptions, signInBy } from './signIn.ts'
import { signTicket } from './ticket.ts'

export interface AppOptions extends SignInOptions {
  /** The collector's origin, such as `http://127.0.0.1:4780`. */
  readonly collector: string
  readonly idleTimeoutSeconds: number
  /** Signs the tickets: at least 32 bytes, the same in the collector's configuration. */
  readonly ticketSecret: string
}

interface SignedIn {
  readonly subject: string
  /**
   * A random id of this application's session. Not the `sid` of the provider: its session goes on, and the next one
   * here would have the same.
   */
  readonly alias: string
  readonly ticket: string
}

/** An application without a login page: who has no session is sent to the provider, and comes back with a new one. */
export function createApp(options: AppOptions): Koa {
  const app = new Koa()
  // Signs the cookie. An application of yours takes it from where a restart does not lose it.
  app.keys = [randomBytes(32).toString('base64url')]
  app.use(securityHeaders(options.collector))
  app.use(
    session(
      { key: 'desk_session', rolling: true, sameSite: 'lax', maxAge: options.idleTimeoutSeconds * 1000 },
      app,
    ),
  )
  app.use(routes(options).routes())
  return app
}

function routes(options: AppOptions): Router {
  const signIn = signInBy(options)
  const router = new Router()

  router.get('/', async (ctx) => {
    const signedIn: SignedIn | undefined = ctx.session.signedIn
    if (signedIn) {
      ctx.body = home(options, signedIn)
      return
    }
    const { url, pending } = await signIn.begin()
    ctx.session.pending = pending
    ctx.redirect(url.href)
  })

  router.get('/callback', async (ctx) => {
    const pending: PendingSignIn | undefined = ctx.session.pending
    if (!pending) return ctx.redirect('/')
    const subject = await signIn.finish(ctx.url, pending)
    const alias = randomUUID()
    const ticket = await signTicket(options, { subject, alias })
    ctx.session = { signedIn: { subject, alias, ticket } satisfies SignedIn }
    ctx.redirect('/')
  })

  router.post('/logout', (ctx) => {
    ctx.session = null
    ctx.status = 303
    ctx.redirect('/goodbye')
  })

  router.get('/goodbye', (ctx) => {
    ctx.body = page('Signed out', { content: html`<p><a href="/">Sign in again</a></p>` })
  })
  return router
}

/** The whole integration: the tag on the pages with a session, and the attribute on the way out. */
function home({ collector }: AppOptions, { subject, alias, ticket }: SignedIn): string {
  return page('Service desk', {
    head: html`<script src="${collector}/lapse.js" defer data-site="desk" data-state="active" data-subject="${subject}" data-session="${alias}" data-ticket="${ticket}"></script>`,
    content: html`<p>Signed in as <code>${subject}</code>, session <code>${alias.slice(0, 8)}</code>.</p>
<p>Leave this page alone until the session has expired, then open it again. The provider still knows you: you are
back without seeing a login page, in another session, and the audit has a row about the one before.</p>
<form method="post" action="/logout" data-lapse-logout><button>Sign out</button></form>`,
  })
}

function securityHeaders(collector: string) {
  const policy = [
    "default-src 'none'",
    `script-src ${collector}`,
    `connect-src ${collector}`,
    "style-src 'unsafe-inline'",
    'img-src data:',
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ')
  return (ctx: Context, next: Koa.Next) => {
    ctx.set('Content-Security-Policy', policy)
    ctx.set('X-Content-Type-Options', 'nosniff')
    ctx.set('Cache-Control', 'no-store')
    return next()
  }
}
