import { randomBytes } from 'node:crypto'
import { env } from 'node:process'
import { createLapseServer } from '@lapse/server'
import { RedisStore } from 'connect-redis'
import session from 'express-session'
import { createClient } from 'redis'
import { readOptions } from '../_shared/options.ts'
import { stopOnSignal } from '../_shared/stopOnSignal.ts'
import { createApp } from './app.ts'

const { port, collector, token, idleTimeoutSeconds, ticketSecret } = readOptions()
const {
  REDIS_URL: redisUrl,
  // Without Redis, sessions end with this process, so a secret that ends with it is enough.
  SESSION_SECRET: sessionSecret = randomBytes(32).toString('base64url'),
} = env

const lapse = createLapseServer({ site: 'shop', collector, token, ticketSecret, idleTimeoutSeconds })

const redis = redisUrl
  ? await createClient({ url: redisUrl })
      .on('error', (error: Error) => console.error(`Redis: ${error.message}`))
      .connect()
  : undefined
const store = redis ? new RedisStore({ client: redis, prefix: 'shop:' }) : new session.MemoryStore()

const server = createApp({ lapse, collector, store, sessionSecret, idleTimeoutSeconds }).listen(
  port,
  '127.0.0.1',
  () => console.log(`The application runs at http://127.0.0.1:${port}`),
)

stopOnSignal(server, () => lapse.close())
