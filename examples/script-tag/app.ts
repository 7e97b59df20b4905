import { randomBytes, randomUUID } from 'node:crypto'
import Router from '@koa/router'
import Koa from 'koa'
import session from 'koa-session'
import { html } from '../_shared/html.ts'
import { createSecurityMiddleware, readForm, redirect, serveStyle } from '../_shared/koa.ts'
import type { AppOptions } from '../_shared/options.ts'
import { renderPage, renderSignInForm } from '../_shared/page.ts'
import { signTicket } from '../_shared/ticket.ts'
import { findUser } from '../_shared/users.ts'
import { lapseMessage, renderAbsentTag, renderActiveTag, type SignedIn, signOutForm } from './lapseMarkup.ts'

/** An application whose pages are rendered on the server, and whose session cookie every page renews. */
export function createApp(options: AppOptions): Koa {
  const app = new Koa()
  // Signs the session cookie. In production, use a key that survives a restart.
  app.keys = [randomBytes(32).toString('base64url')]
  app.use(createSecurityMiddleware({ scripts: options.collector, connections: options.collector }))
  // Before the session: loading a file must not keep an idle session alive.
  app.use(serveStyle)
  app.use(
    session(
      { key: 'acme_session', rolling: true, sameSite: 'lax', maxAge: options.idleTimeoutSeconds * 1000 },
      app,
    ),
  )
  app.use(createRoutes(options).routes())
  return app
}

function createRoutes({ collector, idleTimeoutSeconds, ticketSecret: secret }: AppOptions): Router {
  const router = new Router()

  router.get('/', (ctx) => {
    const signedIn: SignedIn | undefined = ctx.session.signedIn
    if (!signedIn) return redirect(ctx, '/login')
    ctx.body = renderPage({
      title: 'Home',
      head: renderActiveTag({ collector, idleTimeoutSeconds }, signedIn),
      content: html`<p>Signed in as <code>${signedIn.subject}</code>, session <code>${signedIn.alias.slice(0, 8)}</code>.</p>
<p>Do nothing for ${idleTimeoutSeconds} seconds, then open this page again. The session has expired, and the login page
says so. The audit table has one row about it.</p>
${signOutForm}`,
    })
  })

  router.get('/login', (ctx) => {
    if (ctx.session.signedIn) return redirect(ctx, '/')
    ctx.body = renderPage({
      title: 'Sign in',
      head: renderAbsentTag(collector),
      content: html`${lapseMessage}
${renderSignInForm('/login')}
<p>These are example users. They have no passwords.</p>`,
    })
  })

  router.post('/login', async (ctx) => {
    const subject = findUser((await readForm(ctx)).get('user'))?.subject
    if (!subject) return ctx.throw(422, 'Choose one of the example users.')
    const alias = randomUUID()
    const ticket = await signTicket({ site: 'acme', subject, session: alias, idleTimeoutSeconds, secret })
    ctx.session = { signedIn: { subject, alias, ticket } satisfies SignedIn }
    redirect(ctx, '/')
  })

  router.post('/logout', (ctx) => {
    ctx.session = null
    redirect(ctx, '/login')
  })

  return router
}
