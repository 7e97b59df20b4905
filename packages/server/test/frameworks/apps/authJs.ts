import { env } from 'node:process'
import { ExpressAuth, type ExpressAuthConfig, getSession } from '@auth/express'
import { createLapseServer } from '@lapse/server'
import { watchRequest, withLapse } from '@lapse/server/authjs'
import express from 'express'
import { readSession } from './authJs/readSession.ts'
import { renderPost } from './authJs/renderPost.ts'
import { renderHome, renderLogin } from './pages.ts'

const lapse = createLapseServer({
  site: 'acme',
  collector: env.LAPSE_COLLECTOR ?? '',
  token: env.LAPSE_TOKEN,
  ticketSecret: env.LAPSE_TICKET_SECRET,
  idleTimeoutSeconds: Number(env.IDLE_TIMEOUT_SECONDS),
  heartbeatSeconds: Number(env.HEARTBEAT_SECONDS),
})
const getAuth = (): ExpressAuthConfig => auth
const sessions =
  env.STRATEGY === 'database'
    ? (await import('./authJs/databaseSessions.ts')).createDatabaseSessions(getAuth)
    : (await import('./authJs/tokenSessions.ts')).createTokenSessions(lapse)
const { config, options } = sessions
const tagOptions = { attributes: { 'data-requests': '/poll' } }

const auth = withLapse(lapse, config, options)

const app = express()
app.use(watchRequest)
app.use('/auth', ExpressAuth(auth))

app.get('/', async (request, response) => {
  const session = await readSession(request, response, auth)
  if (session) response.send(renderHome(lapse.tag(session.lapse ?? null, tagOptions)))
  else response.redirect(303, '/login')
})
app.get('/login', (_request, response) => void response.send(renderLogin(lapse.tag(null))))

app.get('/poll', async (request, response) => void response.json(await readSession(request, response, auth)))
// Drops the cookie with its new expiry, so it does not extend the session.
app.get('/status', async (request, response) => void response.json(await getSession(request, auth)))
app.get('/sign-in', (request, response) => sessions.signIn(String(request.query.user), response))
app.post('/logout', (_request, response) => void response.send(renderPost('/auth/signout', {}, '/login')))
app.post('/revoke', async (request, response) => {
  await sessions.revoke(String(request.query.user))
  response.json('ok')
})
app.get('/healthz', (_request, response) => void response.json('ok'))

const server = app.listen(Number(env.PORT), '127.0.0.1')
process.once('SIGTERM', async () => {
  server.close()
  server.closeAllConnections()
  await lapse.close()
  process.exit()
})
