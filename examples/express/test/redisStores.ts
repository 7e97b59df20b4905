import { RedisStore } from 'connect-redis'
import { createClient } from 'redis'
import { startRedis } from '../../../test/redis.ts'

/** Starts a Redis server, and returns stores in it. */
export async function startRedisStores(): Promise<{
  store(prefix: string): RedisStore
  end(): Promise<void>
}> {
  const redis = await startRedis()
  const client = await createClient({ url: redis.url }).connect()
  return {
    store: (prefix) => new RedisStore({ client, prefix }),
    async end() {
      await client.close()
      await redis.end()
    },
  }
}
