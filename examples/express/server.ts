import { randomBytes } from 'node:crypto'
import { env } from 'node:process'
import { RedisStore } from 'connect-redis'
import session from 'express-session'
import { createClient } from 'redis'
import { createApp } from './app.ts'

const {
  LAPSE_COLLECTOR: collector = 'http://127.0.0.1:4780',
  LAPSE_TICKET_SECRET: ticketSecret,
  LAPSE_TOKEN: token,
  REDIS_URL: redisUrl,
  // Sessions in memory are gone with the process, and so may be the secret of their cookie.
  SESSION_SECRET: sessionSecret = randomBytes(32).toString('base64url'),
} = env
if (!ticketSecret || !token)
  throw new Error('Set LAPSE_TICKET_SECRET, which the collector has too, and LAPSE_TOKEN: npm run token')

const redis = redisUrl
  ? await createClient({ url: redisUrl })
      .on('error', (error: Error) => console.error(`Redis: ${error.message}`))
      .connect()
  : undefined

const app = createApp({
  lapse: { site: 'shop', collector, token, ticketSecret },
  store: redis ? new RedisStore({ client: redis, prefix: 'shop:' }) : new session.MemoryStore(),
  sessionSecret,
  idleTimeoutSeconds: 60,
})
const port = Number(env.PORT ?? 4781)
app.listen(port, '127.0.0.1', () => console.log(`The application is on http://127.0.0.1:${port}`))
