import { LapseError } from '../../domain/errors.ts'
import type { Middleware } from '../context.ts'
import { clientNetwork } from '../request/address.ts'
import { RequestCounter } from './requestCounter.ts'

/** Limits the requests of one client address, by this replica's own count. */
export function rateLimit({ requestsPerMinute }: { readonly requestsPerMinute: number }): Middleware {
  const counter = new RequestCounter(requestsPerMinute)
  return async (ctx, next) => {
    // A client that its proxy does not name shares the limit of the proxy.
    const client = ctx.state.address || ctx.state.hops.at(-1) || ''
    const waitMs = counter.count(clientNetwork(client), performance.now())
    if (waitMs > 0)
      throw new LapseError(
        'too-many-requests',
        `Rate limit exceeded: ${requestsPerMinute} requests per minute per address. Try again later.`,
        { retryAfterSeconds: Math.ceil(waitMs / 1000) },
      )
    await next()
  }
}
