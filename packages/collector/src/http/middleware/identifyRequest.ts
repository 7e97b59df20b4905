import { randomUUID } from 'node:crypto'
import type { Context, Middleware } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { createClientIdentifier } from '../request/identifyClient.ts'

/**
 * Gives each request an id, and finds out which client sent it.
 *
 * `X-Forwarded-For`, `X-Forwarded-Proto` and `Forwarded` count only if they come from the networks of `trustProxy`.
 */
export function identifyRequest({
  log,
  settings,
  metrics,
}: Pick<Dependencies, 'log' | 'settings' | 'metrics'>): Middleware {
  const identifyClient = createClientIdentifier(settings, () =>
    log.warn(
      'A proxy sent X-Forwarded-For and Forwarded with different client addresses. Set "forwardedHeader" to the header that the proxy writes: clients can forge the other one.',
    ),
  )
  return (ctx, next) => {
    const requestId = randomUUID()
    const { address, hops, isProxied, proto } = identifyClient(ctx)
    if (!isProxied && ['X-Forwarded-For', 'Forwarded'].some((name) => ctx.get(name) !== ''))
      metrics.observeIgnoredForwarding()
    ctx.state.requestId = requestId
    ctx.state.isProxied = isProxied
    ctx.state.address = address ?? ''
    ctx.state.hops = hops
    ctx.state.origin = `${proto === 'https' ? 'https' : 'http'}://${ctx.host}`
    ctx.state.path = readPath(ctx)
    ctx.state.log = log
    ctx.state.logFields = {}
    ctx.set('X-Request-Id', requestId)
    return next()
  }
}

/** Koa throws if the request target is not a valid URL, such as `http://[::1/`. */
function readPath(ctx: Context): string | undefined {
  try {
    return ctx.path
  } catch {
    return undefined
  }
}
