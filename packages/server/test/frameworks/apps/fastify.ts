import { env } from 'node:process'
import cookie from '@fastify/cookie'
import formbody from '@fastify/formbody'
import session, { type FastifySessionObject } from '@fastify/session'
import { createLapseServer } from '@lapse/server'
import { lapseFastify, observeStore } from '@lapse/server/fastify'
import { RedisStore } from 'connect-redis'
import fastify, { type FastifyRequest } from 'fastify'
import { createClient } from 'redis'
import { renderHome, renderLogin } from './pages.ts'

const client = await createClient({ url: env.REDIS_URL ?? '' }).connect()
const store = new RedisStore({ client })
const secret = env.SESSION_SECRET ?? ''
const idleTimeoutSeconds = Number(env.IDLE_TIMEOUT_SECONDS)

const app = fastify()
await app.register(formbody)
// Outside of the plugin below, so that they do not extend the session.
app.get('/healthz', async () => 'ok')
app.get('/status', async () => ({}))

await app.register(async (app) => {
  const lapse = createLapseServer({
    site: 'acme',
    collector: env.LAPSE_COLLECTOR ?? '',
    token: env.LAPSE_TOKEN,
    ticketSecret: env.LAPSE_TICKET_SECRET,
    idleTimeoutSeconds,
  })
  const options = { maxAge: idleTimeoutSeconds * 1000, secure: 'auto', sameSite: 'lax' } as const
  await app.register(cookie)
  await app.register(session, { secret, store: observeStore(lapse, store), cookie: options })
  await app.register(lapseFastify, { lapse, attributes: { 'data-requests': '/poll' } })
  app.addHook('onClose', () => lapse.close())

  app.get('/', async (request, reply) => {
    if (!request.lapse.session) return reply.redirect('/login', 303)
    return reply.type('text/html').header('Cache-Control', 'no-store').send(renderHome(request.lapse.tag))
  })
  app.get('/login', async (request, reply) => reply.type('text/html').send(renderLogin(request.lapse.tag)))
  app.get('/poll', async (request) => ({ subject: request.lapse.session?.subject }))

  app.get<{ Querystring: { user: string } }>('/sign-in', async (request, reply) => {
    const { user } = request.query
    if (env.SINGLE_SESSION) await endOthers(request, user, 'displaced')
    await readSession(request).regenerate()
    request.lapse.signIn(user)
    return reply.redirect('/', 303)
  })
  app.post('/logout', async (request, reply) => {
    await readSession(request).destroy()
    return reply.redirect('/login', 303)
  })
  app.post<{ Querystring: { user: string } }>('/revoke', async (request) => {
    await endOthers(request, request.query.user, 'revoked')
    return 'ok'
  })
})

/** Without this, `request.session` would do. But the other application makes its type that of the other plugin. */
function readSession(request: FastifyRequest): FastifySessionObject {
  return request.getDecorator('session')
}

/** Ends all sessions of a user but the one of this request. */
async function endOthers(request: FastifyRequest, subject: string, reason: 'revoked' | 'displaced') {
  const sessions = (await store.all()) as readonly { id: string; lapse?: { subject: string } }[]
  for (const { id, lapse: found } of sessions)
    if (found?.subject === subject && id !== readSession(request).sessionId)
      await request.lapse.end(id, reason)
}

await app.listen({ port: Number(env.PORT), host: '127.0.0.1' })
process.once('SIGTERM', async () => {
  app.server.closeAllConnections()
  await app.close()
  process.exit()
})
