import { randomUUID } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import express, { type Express, type RequestHandler } from 'express'
import session from 'express-session'
import { createSecurityHeaders, isCrossSite } from '../_shared/security.ts'
import { signTicket } from '../_shared/ticket.ts'
import { users as exampleUsers } from '../_shared/users.ts'
import type { ShopOptions } from './options.ts'
import { endSession, listSessions } from './sessions.ts'

const site = 'shop'
const administrator = 'u_9001'
const users = [...exampleUsers, { subject: administrator, role: 'Administrator' }]

/** An application in which each user has one session at a time, and an administrator can end any session. */
export function createApp(options: ShopOptions): Express {
  const { collector, store, sessionSecret, idleTimeoutSeconds, ticketSecret: secret } = options
  const app = express()
  app.disable('x-powered-by')
  app.set('views', resolvePath('views'))
  app.set('view engine', 'ejs')
  // For the script tag in views/top.ejs.
  app.locals.lapse = { site, collector, idleTimeoutSeconds }

  app.use(createSecurityMiddleware(collector))
  // Before the session: loading a file must not keep an idle session alive.
  app.get('/style.css', (_request, response) =>
    response.sendFile('style.css', { root: resolvePath('../_shared'), cacheControl: false }),
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
    const { subject } = request.session
    response.locals.session = subject ? request.session : undefined
    response.locals.user = users.find((user) => user.subject === subject)
    response.locals.isAdministrator = subject === administrator
    next()
  })
  app.use(express.urlencoded({ extended: false, limit: '4kb' }))

  app.get('/login', (request, response) => {
    if (request.session.subject) response.redirect(303, '/')
    else response.render('login', { users })
  })

  app.post('/login', async (request, response) => {
    const subject = users.find((user) => user.subject === request.body?.user)?.subject
    if (!subject) return void response.status(422).send('Choose one of the example users.')
    for (const active of await listSessions(store)) {
      if (active.subject === subject) await endSession(options, active, 'displaced')
    }
    // A new id in the cookie, so that an id planted in this browser earlier does not open the session.
    await promisify(request.session.regenerate.bind(request.session))()
    const alias = randomUUID()
    const ticket = await signTicket({ site, subject, session: alias, idleTimeoutSeconds, secret })
    Object.assign(request.session, { subject, alias, ticket })
    response.redirect(303, '/')
  })

  app.use(requireSession)

  app.get('/', (_request, response) => response.render('home'))

  app.post('/logout', async (request, response) => {
    await promisify(request.session.destroy.bind(request.session))()
    response.redirect(303, '/login')
  })

  app.get('/admin', requireAdministrator, async (_request, response) => {
    response.render('admin', { sessions: await listSessions(store) })
  })

  app.post('/admin/end', requireAdministrator, async (request, response) => {
    const found = (await listSessions(store)).find(({ alias }) => alias === request.body?.session)
    if (found) await endSession(options, found, 'revoked')
    response.redirect(303, '/admin')
  })

  return app
}

function resolvePath(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url))
}

function createSecurityMiddleware(collector: string): RequestHandler {
  const headers = createSecurityHeaders({ scripts: collector, connections: collector })
  return (request, response, next) => {
    response.set(headers)
    if (request.method !== 'GET' && isCrossSite(request))
      response.status(403).send('This request came from another site.')
    else next()
  }
}

const requireSession: RequestHandler = (request, response, next) => {
  if (request.session.subject) next()
  else response.redirect(303, '/login')
}

const requireAdministrator: RequestHandler = (request, response, next) => {
  if (request.session.subject === administrator) next()
  else response.status(403).send('This page is for administrators only.')
}
