import { createHash } from 'node:crypto'
import { env } from 'node:process'
import formbody from '@fastify/formbody'
import secureSession, { type Session } from '@fastify/secure-session'
import { createLapseServer } from '@lapse/server'
import { lapseFastify } from '@lapse/server/fastify'
import fastify, { type FastifyRequest } from 'fastify'
import { renderHome, renderLogin } from './pages.ts'

const key = createHash('sha256')
  .update(env.SESSION_SECRET ?? '')
  .digest()
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
  const cookie = { path: '/', maxAge: idleTimeoutSeconds, secure: 'auto', sameSite: 'lax' } as const
  await app.register(secureSession, { key, expiry: idleTimeoutSeconds, cookie })
  await app.register(lapseFastify, { lapse, attributes: { 'data-requests': '/poll' } })
  app.addHook('onRequest', async (request) => request.lapse.session && request.session.touch())
  app.addHook('onClose', () => lapse.close())

  app.get('/', async (request, reply) => {
    if (!request.lapse.session) return reply.redirect('/login', 303)
    return reply.type('text/html').header('Cache-Control', 'no-store').send(renderHome(request.lapse.tag))
  })
  app.get('/login', async (request, reply) => reply.type('text/html').send(renderLogin(request.lapse.tag)))
  app.get('/poll', async (request) => ({ subject: request.lapse.session?.subject }))

  app.get<{ Querystring: { user: string } }>('/sign-in', async (request, reply) => {
    request.session.regenerate()
    request.lapse.signIn(request.query.user)
    return reply.redirect('/', 303)
  })
  app.post('/logout', async (request, reply) => {
    readSession(request).delete()
    return reply.redirect('/login', 303)
  })
})

/** Without this, `request.session` would do. But the other application makes its type that of the other plugin. */
function readSession(request: FastifyRequest): Session {
  return request.getDecorator('session')
}

await app.listen({ port: Number(env.PORT), host: '127.0.0.1' })
process.once('SIGTERM', async () => {
  app.server.closeAllConnections()
  await app.close()
  process.exit()
})
