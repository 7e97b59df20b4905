import { RateLimiterMemory, RateLimiterRes } from 'rate-limiter-flexible'
import { LapseError } from '../lapse/error.ts'
import type { Middleware } from './context.ts'

/** Limits the requests of one address, by this replica's own count. */
export function rateLimit({ requestsPerMinute }: { readonly requestsPerMinute: number }): Middleware {
  const limiter = new RateLimiterMemory({ points: requestsPerMinute, duration: 60 })
  return async (ctx, next) => {
    try {
      await limiter.consume(ctx.state.address)
    } catch (rejected) {
      if (!(rejected instanceof RateLimiterRes)) throw rejected
      throw new LapseError('too-many-requests', `An address has ${requestsPerMinute} requests a minute.`, {
        retryAfterSeconds: Math.ceil(rejected.msBeforeNext / 1000),
      })
    }
    await next()
  }
}
