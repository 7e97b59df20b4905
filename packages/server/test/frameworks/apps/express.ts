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

const lapse = createLapseServer({
  site: 'acme',
  collector: env.LAPSE_COLLECTOR ?? '',
  token: env.LAPSE_TOKEN,
  ticketSecret: env.LAPSE_TICKET_SECRET,
  idleTimeoutSeconds: Number(env.IDLE_TIMEOUT_SECONDS),
  heartbeatSeconds: Number(env.HEARTBEAT_SECONDS),
})

const app = express()
app.get('/healthz', (_request, response) => void response.json('ok'))
// Before the session, so that it does not extend it.
app.get('/status', (_request, response) => void response.json('ok'))
app.use(
  session({
    store,
    secret: env.SESSION_SECRET ?? '',
    rolling: true,
    resave: false,
    saveUninitialized: false,
    cookie: { maxAge: Number(env.IDLE_TIMEOUT_SECONDS) * 1000, sameSite: 'lax' },
  }),
)
app.use(lapseExpress(lapse, { attributes: { 'data-requests': '/poll' } }))

app.get('/', (request, response) => {
  response.set('Cache-Control', 'no-store')
  if (request.lapse.session) response.send(renderHome(request.lapse.tag))
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
