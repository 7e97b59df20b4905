import { LapseError } from '../../domain/errors.ts'
import type { Middleware } from '../context.ts'
import { readClientNetwork } from '../request/clientNetwork.ts'
import { RequestCounter } from './requestCounter.ts'

/** Limits the requests of each client address. Each replica counts for itself. */
export function limitRequests({ requestsPerMinute }: { readonly requestsPerMinute: number }): Middleware {
  const counter = new RequestCounter(requestsPerMinute)
  return async (ctx, next) => {
    const waitMs = counter.count(readClientNetwork(ctx), performance.now())
    if (waitMs > 0)
      throw new LapseError(
        'too-many-requests',
        `Rate limit exceeded: ${requestsPerMinute} requests per minute per address. Try again later.`,
        { retryAfterSeconds: Math.ceil(waitMs / 1000) },
      )
    await next()
  }
}
