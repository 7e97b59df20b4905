import { randomUUID } from 'node:crypto'
import type { Logger } from 'pino'
import proxyAddress from 'proxy-addr'
import type { Context, Middleware } from './context.ts'

/**
 * Gives each request an id and a line in the log when it is answered.
 *
 * `X-Forwarded-For` and `X-Forwarded-Proto` are believed from the networks of `trustProxy` only.
 */
export function requestLog(log: Logger, trustProxy: readonly string[]): Middleware {
  const isTrusted = proxyAddress.compile([...trustProxy])
  return async (ctx, next) => {
    const startedAt = performance.now()
    const requestId = randomUUID()
    ctx.state.requestId = requestId
    // A socket that is closed already has no address.
    ctx.state.address = proxyAddress(ctx.req, isTrusted) ?? ''
    ctx.state.origin = originOf(ctx, isTrusted(ctx.req.socket.remoteAddress ?? '', 0))
    ctx.state.log = log.child({ requestId })
    ctx.state.logged = {}
    ctx.set('X-Request-Id', requestId)
    await next()
    ctx.state.log.info(
      {
        method: ctx.method,
        path: ctx.path,
        status: ctx.status,
        durationMs: Math.round(performance.now() - startedAt),
        ...ctx.state.logged,
      },
      'request',
    )
  }
}

function originOf(ctx: Context, isProxied: boolean): string {
  const [scheme] = isProxied ? ctx.get('X-Forwarded-Proto').split(',') : []
  return `${scheme?.trim() === 'https' ? 'https' : 'http'}://${ctx.host}`
}
