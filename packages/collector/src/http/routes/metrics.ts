import type { Middleware } from '../context.ts'
import type { CollectorParts } from '../dependencies.ts'
import { authenticateReader, hasCredentials } from '../request/authenticate.ts'
import { isLocalRequest } from '../request/localRequest.ts'

/**
 * `GET /metrics`, in Prometheus' text format: for this machine, and for whoever has a token to read. Whoever sends a
 * token of one site sees the figures of that site and those of the whole process, from this machine as well. Pages of
 * other origins cannot read it.
 */
export function getMetrics(parts: CollectorParts): Middleware {
  const { metrics, settings } = parts
  return async (ctx) => {
    // The middleware for CORS lets the pages of the sites read every answer.
    ctx.remove('Access-Control-Allow-Origin')
    const needsToken = !isLocalRequest(ctx, settings.listen.host) || hasCredentials(ctx)
    const site = needsToken ? (await authenticateReader(ctx, parts)).token.site : null
    const text = await metrics.registry.metrics()
    ctx.set('Cache-Control', 'no-store')
    ctx.body = site === null ? text : withoutOtherSites(text, site)
    ctx.set('Content-Type', metrics.registry.contentType)
  }
}

/** Leaves out the samples whose label `site` names another site. */
function withoutOtherSites(text: string, site: string): string {
  const isVisible = (line: string) => {
    // A quote inside a value has a backslash before it, so this finds no label inside the value of another.
    const named = /[{,]site="((?:[^"\\]|\\.)*)"/.exec(line)?.[1]
    return line.startsWith('#') || named === undefined || named === site
  }
  return text.split('\n').filter(isVisible).join('\n')
}
