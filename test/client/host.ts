import { randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import Koa, { type Context, type Middleware } from 'koa'
import session from 'koa-session'
import type { Application } from './application.ts'
import type { HostOptions } from './hostOptions.ts'
import { renderAppPage, renderLoginPage, renderSinglePageApp, renderSsoPage } from './pages.ts'
import { type HostSession, SessionStore } from './sessionStore.ts'

/** A host application with real server-side sessions. Query parameters of its pages set up each test. */
export interface Host extends Application {
  /** A login page on another origin, without Lapse. It signs the user in and sends them back. */
  readonly ssoUrl: string
  /** The user's session as the server knows it, if it is active. */
  findSession(subject: string): HostSession | undefined
  /** Ends a session before its timeout. The browser is not notified. */
  drop(alias: string): boolean
  /** Holds back the responses to requests with `held=KEY` in the query, until the returned function is called. */
  hold(key: string): () => void
  /** How many pages browsers have requested for prerendering. */
  countPrerenderings(): number
}

export async function startHost(options: HostOptions): Promise<Host> {
  const { site, port, idleTimeoutSeconds, absoluteTimeoutSeconds = Number.POSITIVE_INFINITY } = options
  const sessions = new SessionStore(idleTimeoutSeconds * 1000, absoluteTimeoutSeconds * 1000)
  const app = new Koa()
  app.silent = true
  app.keys = [randomBytes(32).toString('base64url')]
  let prerendered = 0
  const held = new Map<string, Promise<void>>()
  app.use(async (ctx, next) => {
    if (ctx.get('Sec-Purpose').includes('prerender')) prerendered += 1
    await held.get(String(ctx.query.held))
    return next()
  })
  app.use(handleSso(port))
  // Before the session: these responses must not renew it.
  app.use(serveWithoutSession(options))
  app.use(
    session(
      {
        key: `${site}_session`,
        store: sessions,
        rolling: true,
        sameSite: 'lax',
        // A cookie's Expires is in whole seconds, rounded down. Without the extra time, the cookie would expire too early.
        maxAge: options.untilBrowserCloses ? 'session' : idleTimeoutSeconds * 1000 + 999,
      },
      app,
    ),
  )
  app.use(servePages(options))
  const server = createServer(app.callback()).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    site,
    url: `http://127.0.0.1:${port}`,
    idleTimeoutSeconds,
    ssoUrl: `http://localhost:${port}/sso`,
    findSession: (subject) => sessions.find(subject),
    countPrerenderings: () => prerendered,
    drop: (alias) => sessions.drop(alias),
    hold(key) {
      const { promise, resolve } = Promise.withResolvers<void>()
      held.set(key, promise)
      return resolve
    },
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

/** To the browser, the same server under another host name is another site, so they share no cookies. */
function handleSso(port: number): Middleware {
  return (ctx, next) => {
    if (ctx.hostname !== 'localhost') return next()
    const back = `http://127.0.0.1:${port}/sign-in${ctx.search}`
    if (ctx.path === '/sso/silent') return redirect(ctx, back)
    return sendPage(ctx, renderSsoPage(back))
  }
}

const root = new URL('../../packages/client/', import.meta.url)
const files: Readonly<Record<string, URL>> = {
  '/static/lapse.mjs': new URL('dist/index.js', root),
  '/static/js-cookie.mjs': new URL('node_modules/js-cookie/dist/js.cookie.mjs', root),
}
const dot = Buffer.from('R0lGODlhAQABAAAAACH5BAEKAAEALAAAAAABAAEAAAICTAEAOw==', 'base64')

function serveWithoutSession(options: HostOptions): Middleware {
  return async (ctx, next) => {
    const file = files[ctx.path] ?? options.files?.[ctx.path]
    if (file) {
      ctx.type = 'text/javascript'
      ctx.body = typeof file === 'string' ? file : await readFile(file)
    } else if (ctx.path === '/static/dot.gif') {
      ctx.type = 'image/gif'
      ctx.body = dot
    } else if (ctx.path === '/static/data.json') {
      ctx.body = { hello: 'world' }
    } else if (ctx.path === '/spa') {
      sendPage(ctx, renderSinglePageApp(options))
    } else if (ctx.path === '/favicon.ico') {
      ctx.status = 204
    } else {
      await next()
    }
  }
}

function servePages(options: HostOptions): Middleware {
  const { renderApp, renderLogin } = options.pages ?? {
    renderApp: renderAppPage,
    renderLogin: renderLoginPage,
  }
  return async (ctx) => {
    const { subject, alias } = ctx.session
    // koa-session forgets this setting when it sets its first cookie.
    if (options.untilBrowserCloses && subject) ctx.session.maxAge = 'session'
    switch (ctx.path) {
      case '/':
      case '/reports':
        if (subject) return sendPage(ctx, renderApp(options, ctx.URL, { subject, alias }))
        if (ctx.query.sso)
          return redirect(ctx, `http://localhost:${options.port}/sso/${ctx.query.sso}${ctx.search}`)
        if (ctx.query['login-in-place']) return sendPage(ctx, renderLogin(options, ctx.URL))
        return redirect(ctx, `/login${ctx.search}`)

      case '/login':
        // As frameworks do, for example to store a CSRF token.
        if (ctx.query.anonymous && !subject) ctx.session.visits = 1
        if (subject && !ctx.query.stay) return redirect(ctx, '/')
        return sendPage(ctx, renderLogin(options, ctx.URL))

      case '/sign-in':
        ctx.session = { subject: ctx.query.user, alias: randomUUID(), signedInAt: Date.now() }
        await ctx.session.regenerate()
        return redirect(ctx, String(ctx.query.next ?? '/'))

      case '/logout':
        ctx.session = null
        return redirect(ctx, `/login${ctx.search}`)

      case '/api/me':
        ctx.set('Cache-Control', 'no-store')
        ctx.status = subject ? 200 : 401
        ctx.body = subject ? { subject, session: alias } : { error: 'signed out' }
        return
    }
  }
}

/** Sends a page. The query may choose its status, its cache header and its content security policy. */
function sendPage(ctx: Context, page: string): void {
  ctx.set('Cache-Control', String(ctx.query.cache ?? 'no-store'))
  if (ctx.query.csp) ctx.set('Content-Security-Policy', String(ctx.query.csp))
  if (ctx.query.clear) ctx.set('Clear-Site-Data', String(ctx.query.clear))
  ctx.type = 'html'
  ctx.body = page
  if (ctx.query.status) ctx.status = Number(ctx.query.status)
}

/** Redirects with status 303, so that the browser gets the next page with GET after a form was posted. */
function redirect(ctx: Context, url: string): void {
  ctx.set('Cache-Control', 'no-store')
  ctx.redirect(url)
  ctx.status = 303
}
