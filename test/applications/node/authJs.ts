import { randomBytes, randomUUID } from 'node:crypto'
import { ExpressAuth, type ExpressAuthConfig, getSession } from '@auth/express'
import Credentials from '@auth/express/providers/credentials'
import express from 'express'
import type { Application } from '../../client/application.ts'
import type { HostOptions, SignedIn } from '../../client/hostOptions.ts'
import { listen } from './listen.ts'
import { renderSignedIn, renderSignedOut } from './pages.ts'

/** Where Auth.js answers 200 with `null` when there is no session. The request also extends the session. */
const probe = 'probe:/auth/session'

/** Starts an Express application with Auth.js, whose sessions are signed tokens in a cookie. */
export function startAuthJs(options: HostOptions): Promise<Application> {
  const sessions = new Map<string, SignedIn>()
  const config: ExpressAuthConfig = {
    secret: randomBytes(32).toString('base64url'),
    trustHost: true,
    session: { strategy: 'jwt', maxAge: options.idleTimeoutSeconds },
    providers: [Credentials({ credentials: { user: {} }, authorize: ({ user }) => ({ id: String(user) }) })],
    callbacks: {
      jwt({ token, user }) {
        if (!user?.id) return token
        const session = { subject: user.id, alias: randomUUID() }
        sessions.set(user.id, session)
        return { ...token, ...session }
      },
      session: ({ session, token }) => ({ ...session, subject: token.subject, alias: token.alias }),
    },
  }
  const app = express()
  app.get('/favicon.ico', (_, response) => void response.status(204).end())
  app.use((_, response, next) => {
    response.set('Cache-Control', 'no-store')
    next()
  })
  app.use('/auth', ExpressAuth(config))
  app.get('/', async (request, response) => {
    const session = await getSession(request, config)
    // The callbacks above put both into the session.
    const { subject, alias } = (session ?? {}) as Partial<SignedIn>
    if (subject && alias) response.send(renderSignedIn(options, { subject, alias }, probe))
    else response.redirect(303, '/login')
  })
  app.get('/login', (_, response) => void response.send(renderSignedOut(options, probe)))
  app.get('/sign-in', (request, response) => {
    const user = JSON.stringify(String(request.query.user))
    response.send(renderPost('/auth/callback/credentials', `{ user: ${user} }`, '/'))
  })
  app.post('/logout', (_, response) => void response.send(renderPost('/auth/signout', '{}', '/login')))
  return listen(options, app, (subject) => sessions.get(subject))
}

/** Renders a page that posts to Auth.js with its CSRF token, as its own pages do, and then opens another page. */
function renderPost(path: string, fields: string, next: string): string {
  return `<!doctype html><script type="module">
  const { csrfToken } = await (await fetch('/auth/csrf')).json()
  const body = new URLSearchParams({ ...${fields}, csrfToken })
  await (await fetch('${path}', { method: 'POST', headers: { 'X-Auth-Return-Redirect': '1' }, body })).text()
  location.replace('${next}')
</script>`
}
