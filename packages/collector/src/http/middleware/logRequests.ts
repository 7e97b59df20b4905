import { redactPath } from '../../domain/text/redactSecrets.ts'
import { shorten } from '../../domain/text/shorten.ts'
import type { Middleware } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'

const maxPathLength = 200

/** Logs each request when its response is known, and counts it in the metrics. */
export function logRequests({ log, metrics }: Pick<Dependencies, 'log' | 'metrics'>): Middleware {
  return async (ctx, next) => {
    const startedAt = performance.now()
    await next()
    const { method, status } = ctx
    const durationMs = performance.now() - startedAt
    const { requestId, logFields } = ctx.state
    const path = ctx.state.path && shorten(redactPath(ctx.state.path), maxPathLength)
    log.info({ requestId, method, path, status, durationMs: Math.round(durationMs), ...logFields }, 'request')
    metrics.observeRequest(ctx._matchedRoute?.toString() ?? 'none', method, status, durationMs / 1000)
  }
}
