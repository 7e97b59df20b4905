import { env } from 'node:process'
import { createLapseServer } from '@lapse/server'
import { lapseKoa } from '@lapse/server/koa'
import Koa, { type Context } from 'koa'
import session from 'koa-session'
import { createClient } from 'redis'
import { renderHome, renderLogin } from './pages.ts'

const redis = await createClient({ url: env.REDIS_URL ?? '' }).connect()
const prefix = 'session:'
const store = {
  get: async (key: string) => JSON.parse((await redis.get(key)) ?? 'null'),
  async set(key: string, data: object, maxAge: number) {
    await redis.set(key, JSON.stringify(data), { PX: maxAge })
  },
  async destroy(key: string) {
    await redis.del(key)
  },
}
// Either in the store or in the cookie.
const storage = env.COOKIE_SESSIONS ? {} : { store, prefix }
const idleTimeoutSeconds = Number(env.IDLE_TIMEOUT_SECONDS)

const app = new Koa()
app.keys = [env.SESSION_SECRET ?? '']
app.use(async (ctx, next) => {
  // Before the session, so that it does not extend it.
  if (ctx.path === '/healthz' || ctx.path === '/status') ctx.body = '"ok"'
  else await next()
})

const lapse = createLapseServer({
  site: 'acme',
  collector: env.LAPSE_COLLECTOR ?? '',
  token: env.LAPSE_TOKEN,
  ticketSecret: env.LAPSE_TICKET_SECRET,
  idleTimeoutSeconds,
})
const options = { ...storage, maxAge: idleTimeoutSeconds * 1000, rolling: true }
const sessions = lapseKoa(lapse, app, options, { attributes: { 'data-requests': '/poll' } })
app.use(sessions.middleware)
app.use(session(sessions.options, app))

app.use(async (ctx) => {
  ctx.set('Cache-Control', 'no-store')
  switch (`${ctx.method} ${ctx.path}`) {
    case 'GET /':
      if (ctx.lapse.session) ctx.body = renderHome(ctx.lapse.tag)
      else redirect(ctx, '/login')
      break
    case 'GET /login':
      ctx.body = renderLogin(ctx.lapse.tag)
      break
    case 'GET /poll':
      ctx.body = JSON.stringify(ctx.lapse.session?.subject ?? null)
      break
    case 'GET /sign-in':
      if (env.SINGLE_SESSION) await endOthers(ctx, String(ctx.query.user), 'displaced')
      await ctx.session.regenerate()
      ctx.lapse.signIn(String(ctx.query.user))
      redirect(ctx, '/')
      break
    case 'POST /logout':
      ctx.session = null
      redirect(ctx, '/login')
      break
    case 'POST /revoke':
      await endOthers(ctx, String(ctx.query.user), 'revoked')
      ctx.body = '"ok"'
  }
})

function redirect(ctx: Context, path: string): void {
  ctx.redirect(path)
  ctx.status = 303
}

/** Ends all sessions of a user but the one of this request. */
async function endOthers(ctx: Context, subject: string, reason: 'revoked' | 'displaced'): Promise<void> {
  if (env.COOKIE_SESSIONS) return
  for (const key of await redis.keys(`${prefix}*`)) {
    const data = await store.get(key)
    if (data?.lapse?.subject === subject && key !== ctx.session.externalKey) await ctx.lapse.end(key, reason)
  }
}

const server = app.listen(Number(env.PORT), '127.0.0.1')
process.once('SIGTERM', async () => {
  server.close()
  server.closeAllConnections()
  await lapse.close()
  process.exit()
})
