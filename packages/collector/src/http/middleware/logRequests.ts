import { randomUUID } from 'node:crypto'
import { redactPath } from '../../domain/text/redactSecrets.ts'
import { shorten } from '../../domain/text/shorten.ts'
import type { Context, Middleware } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'
import { createClientIdentifier } from '../request/identifyClient.ts'

const maxPathLength = 200

/**
 * Identifies each request and its client. When the request is answered, it is logged and counted in the metrics.
 *
 * `X-Forwarded-For`, `X-Forwarded-Proto` and `Forwarded` count only if they come from the networks of `trustProxy`.
 */
export function logRequests({ log, metrics, settings }: Dependencies): Middleware {
  const identifyClient = createClientIdentifier(settings, () =>
    log.warn(
      'A proxy sent X-Forwarded-For and Forwarded with different client addresses. Set "forwardedHeader" to the header that the proxy writes: clients can forge the other one.',
    ),
  )
  return async (ctx, next) => {
    const startedAt = performance.now()
    const requestId = randomUUID()
    const { address, hops, isProxied, proto } = identifyClient(ctx)
    ctx.state.requestId = requestId
    ctx.state.isProxied = isProxied
    ctx.state.address = address ?? ''
    ctx.state.hops = hops
    ctx.state.origin = `${proto === 'https' ? 'https' : 'http'}://${ctx.host}`
    ctx.state.path = readPath(ctx)
    ctx.state.log = log
    ctx.state.logFields = {}
    ctx.set('X-Request-Id', requestId)
    await next()
    const { method, status } = ctx
    const durationMs = performance.now() - startedAt
    const { logFields } = ctx.state
    const path = ctx.state.path && shorten(redactPath(ctx.state.path), maxPathLength)
    log.info({ requestId, method, path, status, durationMs: Math.round(durationMs), ...logFields }, 'request')
    metrics.observeRequest(ctx._matchedRoute?.toString() ?? 'none', method, status, durationMs / 1000)
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
