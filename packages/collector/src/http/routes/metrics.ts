import type { Operation } from '../openapi/operation.ts'
import { describeProblemResponses } from '../openapi/responses.ts'
import { authenticateReader, hasCredentials } from '../request/authenticate.ts'
import { isLocalRequest } from '../request/localRequest.ts'
import type { Route } from '../route.ts'

const operation: Operation = {
  operationId: 'getMetrics',
  tags: ['operations'],
  summary: 'Get Prometheus metrics',
  description:
    'A program on the same machine needs no token. Its `Host` must be `localhost`, a loopback address or the host of `listen`, and any proxy in between must be in `trustProxy` and name a client on this machine. All other requests, including those of pages in a browser, need a token with the scope `read`. With a token for one site, the response has the samples of that site and those without a site.',
  security: [{}, { token: ['read'] }],
  responses: {
    200: { description: 'The metrics.', content: { 'text/plain': { schema: { type: 'string' } } } },
    ...describeProblemResponses(['token-refused', 'forbidden', 'unavailable']),
  },
}

/** `GET /metrics`: metrics in the text format of Prometheus. */
export const metrics: Route = {
  method: 'get',
  path: '/metrics',
  operation,
  cacheControl: 'no-store',
  handler(dependencies) {
    const { metrics, settings } = dependencies
    return async (ctx) => {
      // The CORS middleware allows pages of the audited sites to read responses. Metrics are not for them.
      ctx.remove('Access-Control-Allow-Origin')
      const needsToken = !isLocalRequest(ctx, settings.listen.host) || hasCredentials(ctx)
      const site = needsToken ? (await authenticateReader(ctx, dependencies)).token.site : null
      const text = await metrics.registry.metrics()
      ctx.body = site === null ? text : removeOtherSites(text, site)
      ctx.set('Content-Type', metrics.registry.contentType)
    }
  },
}

/** Removes the samples whose label `site` names another site. */
function removeOtherSites(text: string, site: string): string {
  const isVisible = (line: string) => {
    // Quotation marks inside values are escaped, so this never matches inside the value of another label.
    const labelled = /[{,]site="((?:[^"\\]|\\.)*)"/.exec(line)?.[1]
    return line.startsWith('#') || labelled === undefined || labelled === site
  }
  return text.split('\n').filter(isVisible).join('\n')
}
