import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { LapseServer } from '@lapse/server'
import { lapseExpress } from '@lapse/server/express'
import express, { type Express, type RequestHandler } from 'express'
import session, { type Store } from 'express-session'
import { createSecurityHeaders, isCrossSite } from '../_shared/security.ts'
import { users as exampleUsers } from '../_shared/users.ts'
import { listSessions } from './listSessions.ts'

const administrator = 'u_9001'
const users = [...exampleUsers, { subject: administrator, role: 'Administrator' }]

interface ShopOptions {
  readonly lapse: LapseServer
  /** The collector's origin, for the Content Security Policy. */
  readonly collector: string
  /** A session store that can list its sessions. */
  readonly store: Store
  /** Signs the cookie that holds the session's id. */
  readonly sessionSecret: string
  readonly idleTimeoutSeconds: number
}

/** An application in which each user has one session at a time, and an administrator can end any session. */
export function createApp({
  lapse,
  collector,
  store,
  sessionSecret,
  idleTimeoutSeconds,
}: ShopOptions): Express {
  const app = express()
  app.disable('x-powered-by')
  app.set('views', resolvePath('views'))
  app.set('view engine', 'ejs')

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
  app.use(lapseExpress(lapse))
  app.use(findUser, express.urlencoded({ extended: false, limit: '4kb' }))

  app.get('/login', (request, response) => {
    if (request.session.subject) response.redirect(303, '/')
    else response.render('login', { users })
  })

  app.post('/login', async (request, response) => {
    const subject = users.find((user) => user.subject === request.body?.user)?.subject
    if (!subject) return void response.status(422).send('Choose one of the example users.')
    for (const { id, subject: owner } of await listSessions(store)) {
      if (owner === subject) await request.lapse.end(id, 'displaced')
    }
    // A new id in the cookie, so that an id planted in this browser earlier does not open the session.
    await promisify(request.session.regenerate.bind(request.session))()
    request.session.subject = subject
    request.lapse.signIn(subject)
    response.redirect(303, '/')
  })

  app.use(requireSession)

  app.get('/', (_request, response) => response.render('home'))

  app.post('/logout', async (request, response) => {
    await promisify(request.session.destroy.bind(request.session))()
    response.redirect(303, '/login')
  })

  app.get('/admin', requireAdministrator, async (request, response) => {
    response.render('admin', { sessions: await listSessions(store), own: request.lapse.session?.session })
  })

  app.post('/admin/end', requireAdministrator, async (request, response) => {
    const found = (await listSessions(store)).find(({ alias }) => alias === request.body?.session)
    if (found) await request.lapse.end(found.id, 'revoked')
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

/** Finds the signed-in user, for the templates. */
const findUser: RequestHandler = ({ session: { subject } }, response, next) => {
  response.locals.user = users.find((user) => user.subject === subject)
  response.locals.isAdministrator = subject === administrator
  next()
}

const requireSession: RequestHandler = (request, response, next) => {
  if (request.session.subject) next()
  else response.redirect(303, '/login')
}

const requireAdministrator: RequestHandler = (request, response, next) => {
  if (request.session.subject === administrator) next()
  else response.status(403).send('This page is for administrators only.')
}
