import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import express, { type Express, type Request, type RequestHandler } from 'express'
import session from 'express-session'
import type { AppOptions } from './options.ts'
import { sameOriginPosts, securityHeaders } from './security.ts'
import { endSession, openSessions } from './sessions.ts'
import { signTicket } from './ticket.ts'
import { findUser, users } from './users.ts'

const folder = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** An application in which a user has one session at a time, and an administrator may end anyone's. */
export function createApp(options: AppOptions): Express {
  const { lapse, store, sessionSecret, idleTimeoutSeconds } = options
  const app = express()
  app.disable('x-powered-by')
  app.set('views', folder('views'))
  app.set('view engine', 'ejs')
  // What every page's layout says to Lapse; with a session, whose it is comes on top.
  app.locals.lapse = { site: lapse.site, collector: lapse.collector }

  app.use(securityHeaders(lapse.collector))
  app.use(sameOriginPosts)
  // Before the session: a file is no access, and must not keep an idle session alive.
  app.use(
    express.static(folder('public'), { setHeaders: (response) => response.set('Cache-Control', 'no-cache') }),
  )
  app.use(
    session({
      name: 'shop_session',
      store,
      secret: sessionSecret,
      rolling: true,
      resave: false,
      saveUninitialized: false,
      cookie: { sameSite: 'lax', secure: 'auto', maxAge: idleTimeoutSeconds * 1000 },
    }),
  )
  app.use((request, response, next) => {
    response.locals.session = request.session.subject ? request.session : undefined
    response.locals.user = findUser(request.session.subject)
    next()
  })
  app.use(express.urlencoded({ extended: false, limit: '4kb' }))

  app.get('/login', (request, response) => {
    if (request.session.subject) response.redirect(303, '/')
    else response.render('login', { users })
  })

  app.post('/login', async (request, response) => {
    const subject = findUser(request.body?.user)?.subject
    if (!subject) return void response.status(422).send('Choose one of the example users.')
    for (const open of await openSessions(store)) {
      if (open.subject === subject) await endSession(store, lapse, open, 'displaced')
    }
    // A new id in the cookie: one that was planted in this browser earlier must not open the session.
    await promisify(request.session.regenerate.bind(request.session))()
    const alias = randomUUID()
    Object.assign(request.session, { subject, alias, ticket: await signTicket(options, { subject, alias }) })
    response.redirect(303, '/')
  })

  app.use(signedIn)

  app.get('/', (_request, response) => response.render('home'))

  app.post('/logout', async (request, response) => {
    await promisify(request.session.destroy.bind(request.session))()
    response.redirect(303, '/login')
  })

  app.get('/admin', administrator, async (_request, response) => {
    response.render('admin', { sessions: await openSessions(store) })
  })

  app.post('/admin/end', administrator, async (request, response) => {
    const open = (await openSessions(store)).find(({ alias }) => alias === request.body?.session)
    if (open) await endSession(store, lapse, open, 'revoked')
    response.redirect(303, '/admin')
  })

  return app
}

const signedIn: RequestHandler = (request, response, next) => {
  if (request.session.subject) next()
  else response.redirect(303, '/login')
}

const administrator: RequestHandler = (request: Request, response, next) => {
  if (findUser(request.session.subject)?.isAdministrator) next()
  else response.status(403).send('This page is for administrators.')
}
