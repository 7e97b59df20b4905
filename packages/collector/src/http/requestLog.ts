import { randomUUID } from 'node:crypto'
import proxyAddress from 'proxy-addr'
import { redactSecrets } from '../lapse/redactSecrets.ts'
import { shorten } from '../lapse/shorten.ts'
import type { Context, Middleware } from './context.ts'
import type { CollectorParts } from './parts.ts'

const maxPathLength = 200

/**
 * Gives each request an id, and a line in the log and a place in the metrics when it is answered.
 *
 * `X-Forwarded-For` and `X-Forwarded-Proto` are believed from the networks of `trustProxy` only.
 */
export function requestLog({ log, metrics, settings }: CollectorParts): Middleware {
  const isTrusted = proxyAddress.compile([...settings.trustProxy])
  return async (ctx, next) => {
    const startedAt = performance.now()
    const requestId = randomUUID()
    // A socket that is closed already has no address.
    const peer = ctx.req.socket.remoteAddress ?? ''
    const isProxied = isTrusted(peer, 0)
    ctx.state.requestId = requestId
    ctx.state.isProxied = isProxied
    ctx.state.address = isProxied ? proxyAddress(ctx.req, isTrusted) : peer
    ctx.state.origin = originOf(ctx, isProxied)
    ctx.state.path = pathOf(ctx)
    ctx.state.log = log
    ctx.state.logged = {}
    ctx.set('X-Request-Id', requestId)
    await next()
    const { method, status } = ctx
    const durationMs = performance.now() - startedAt
    const { logged } = ctx.state
    const path = ctx.state.path && shorten(redactSecrets(ctx.state.path), maxPathLength)
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

function originOf(ctx: Context, isProxied: boolean): string {
  const [scheme] = isProxied ? ctx.get('X-Forwarded-Proto').split(',') : []
  return `${scheme?.trim() === 'https' ? 'https' : 'http'}://${ctx.host}`
}
