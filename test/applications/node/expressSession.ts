import { randomBytes, randomUUID } from 'node:crypto'
import express from 'express'
import session from 'express-session'
import type { Application } from '../../client/application.ts'
import type { HostOptions, SignedIn } from '../../client/hostOptions.ts'
import { listen } from './listen.ts'
import { renderSignedIn, renderSignedOut } from './pages.ts'

declare module 'express-session' {
  interface SessionData {
    user: SignedIn
  }
}

/** Starts an Express application with rolling sessions in memory. */
export function startExpressSession(options: HostOptions): Promise<Application> {
  const sessions = new Map<string, SignedIn>()
  const app = express()
  app.get('/favicon.ico', (_, response) => void response.status(204).end())
  app.use((_, response, next) => {
    response.set('Cache-Control', 'no-store')
    next()
  })
  app.use(
    session({
      secret: randomBytes(32).toString('base64url'),
      name: `${options.site}_session`,
      resave: false,
      saveUninitialized: false,
      rolling: true,
      cookie: { maxAge: options.idleTimeoutSeconds * 1000, sameSite: 'lax' },
    }),
  )
  app.get('/', ({ session }, response) => {
    if (session.user) response.send(renderSignedIn(options, session.user))
    else response.redirect(303, '/login')
  })
  app.get('/login', ({ query }, response) => {
    response.send(renderSignedOut(options, query.probe ? `probe:${query.probe}` : undefined))
  })
  // Some applications answer 200 with `null` or an empty object when there is no session.
  app.get('/api/nullable', ({ session }, response) => void response.json(session.user ?? null))
  app.get('/api/empty', ({ session }, response) => void response.json(session.user ?? {}))
  app.get('/sign-in', (request, response, next) => {
    request.session.regenerate((error) => {
      if (error) return next(error)
      const user = { subject: String(request.query.user), alias: randomUUID() }
      request.session.user = user
      sessions.set(user.subject, user)
      response.redirect(303, '/')
    })
  })
  app.post('/logout', ({ session }, response, next) => {
    session.destroy((error) => {
      if (error) next(error)
      else response.redirect(303, '/login')
    })
  })
  return listen(options, app, (subject) => sessions.get(subject))
}
