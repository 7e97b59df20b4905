import { env } from 'node:process'
import { promisify } from 'node:util'
import { createLapseServer } from '@lapse/server'
import { lapseExpress } from '@lapse/server/express'
import { RedisStore } from 'connect-redis'
import express from 'express'
import session, { type SessionData } from 'express-session'
import { createClient } from 'redis'
import { renderHome, renderLogin } from './pages.ts'

const client = await createClient({ url: env.REDIS_URL ?? '' }).connect()
const store = new RedisStore({ client })

const {
  LAPSE_COLLECTOR: collector = '',
  LAPSE_TOKEN: token,
  LAPSE_TICKET_SECRET: ticketSecret,
  SESSION_SECRET: secret = '',
} = env
const idleTimeoutSeconds = Number(env.IDLE_TIMEOUT_SECONDS)

// docs/guides/express.md shows the following lines, apart from the routes that only the tests need.
const lapse = createLapseServer({ site: 'acme', collector, token, ticketSecret, idleTimeoutSeconds })

const app = express()
app.get('/healthz', (_request, response) => void response.json('ok'))
// Before the session, so that it does not extend it.
app.get('/status', (_request, response) => void response.json('ok'))
app.use(
  session({
    store,
    secret,
    rolling: true,
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: idleTimeoutSeconds * 1000, sameSite: 'lax', secure: 'auto' },
  }),
)
app.use(lapseExpress(lapse))

app.get('/', (request, response) => {
  const { session } = request.lapse
  response.set('Cache-Control', 'no-store')
  // `request.lapse.tag`, but with the requests that the script may count: `/status` does not extend the session.
  if (session) response.send(renderHome(lapse.tag(session, { attributes: { 'data-requests': '/poll' } })))
  else response.redirect(303, '/login')
})
app.get('/login', (request, response) => void response.send(renderLogin(request.lapse.tag)))
app.get('/poll', (request, response) => void response.json(request.lapse.session?.subject ?? null))

app.get('/sign-in', async (request, response) => {
  const subject = String(request.query.user)
  if (env.SINGLE_SESSION) await endOthers(request, subject, 'displaced')
  await promisify(request.session.regenerate.bind(request.session))()
  request.lapse.signIn(subject)
  response.redirect(303, '/')
})
app.post('/logout', async (request, response) => {
  await promisify(request.session.destroy.bind(request.session))()
  response.redirect(303, '/login')
})
app.post('/revoke', async (request, response) => {
  await endOthers(request, String(request.query.user), 'revoked')
  response.json('ok')
})

/** Ends all sessions of a user but the one of this request. */
async function endOthers(request: express.Request, subject: string, reason: 'revoked' | 'displaced') {
  const sessions = await store.all()
  for (const { id, lapse: found } of sessions as (SessionData & {
    id: string
    lapse?: { subject: string }
  })[])
    if (found?.subject === subject && id !== request.sessionID) await request.lapse.end(id, reason)
}

const server = app.listen(Number(env.PORT), '127.0.0.1')
process.once('SIGTERM', async () => {
  server.close()
  server.closeAllConnections()
  await lapse.close()
  process.exit()
})
