import { randomBytes, randomUUID } from 'node:crypto'
import Koa from 'koa'
import session from 'koa-session'
import type { Application } from '../../client/application.ts'
import type { HostOptions } from '../../client/hostOptions.ts'
import { listen } from './listen.ts'
import { renderSignedIn, renderSignedOut } from './pages.ts'

/** Starts a Koa application whose sessions are kept in the cookie and renewed once half of their time has passed. */
export function startKoaSession(options: HostOptions): Promise<Application> {
  const sessions = new Map<string, { alias: string }>()
  const app = new Koa()
  app.silent = true
  app.keys = [randomBytes(32).toString('base64url')]
  app.use(
    session(
      {
        key: `${options.site}_session`,
        renew: true,
        sameSite: 'lax',
        maxAge: options.idleTimeoutSeconds * 1000,
      },
      app,
    ),
  )
  app.use(async (ctx) => {
    ctx.set('Cache-Control', 'no-store')
    ctx.type = 'html'
    switch (ctx.path) {
      case '/': {
        const { subject, alias } = ctx.session
        if (!subject) break
        ctx.body = renderSignedIn(options, { subject, alias })
        return
      }
      case '/login':
        ctx.body = renderSignedOut(options)
        return
      case '/sign-in': {
        const user = { subject: String(ctx.query.user), alias: randomUUID() }
        ctx.session = user
        sessions.set(user.subject, user)
        ctx.redirect('/')
        ctx.status = 303
        return
      }
      case '/logout':
        ctx.session = null
        break
      default:
        ctx.status = 404
        return
    }
    ctx.redirect('/login')
    ctx.status = 303
  })
  return listen(options, app.callback(), (subject) => sessions.get(subject))
}
