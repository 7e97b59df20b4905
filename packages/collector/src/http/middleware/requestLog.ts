import { randomUUID } from 'node:crypto'
import { redactPath } from '../../domain/text/redactSecrets.ts'
import { shorten } from '../../domain/text/shorten.ts'
import type { Context, Middleware } from '../context.ts'
import type { CollectorParts } from '../dependencies.ts'
import { senderReader } from '../request/sender.ts'

const maxPathLength = 200

/**
 * Gives each request an id, and a line in the log and a place in the metrics when it is answered.
 *
 * `X-Forwarded-For`, `X-Forwarded-Proto` and `Forwarded` are believed from the networks of `trustProxy` only.
 */
export function requestLog({ log, metrics, settings }: CollectorParts): Middleware {
  const readSender = senderReader(settings, () =>
    log.warn(
      'A proxy sent X-Forwarded-For and Forwarded with different clients. Name the one that it writes as "forwardedHeader": the other may be the client\'s invention.',
    ),
  )
  return async (ctx, next) => {
    const startedAt = performance.now()
    const requestId = randomUUID()
    const { address, hops, isProxied, proto } = readSender(ctx)
    ctx.state.requestId = requestId
    ctx.state.isProxied = isProxied
    ctx.state.address = address ?? ''
    ctx.state.hops = hops
    ctx.state.origin = `${proto === 'https' ? 'https' : 'http'}://${ctx.host}`
    ctx.state.path = pathOf(ctx)
    ctx.state.log = log
    ctx.state.logged = {}
    ctx.set('X-Request-Id', requestId)
    await next()
    const { method, status } = ctx
    const durationMs = performance.now() - startedAt
    const { logged } = ctx.state
    const path = ctx.state.path && shorten(redactPath(ctx.state.path), maxPathLength)
    log.info({ requestId, method, path, status, durationMs: Math.round(durationMs), ...logged }, 'request')
    metrics.observeRequest(ctx._matchedRoute?.toString() ?? 'none', method, status, durationMs / 1000)
  }
}

/** Koa throws where the request's target is no URL, such as `http://[::1/`. */
function pathOf(ctx: Context): string | undefined {
  try {
    return ctx.path
  } catch {
    return undefined
  }
}
