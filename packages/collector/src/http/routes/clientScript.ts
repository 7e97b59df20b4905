import { loadClientScript } from '../files/loadClientScript.ts'
import type { Operation } from '../openapi/operation.ts'
import { describeProblemResponses } from '../openapi/responses.ts'
import type { Route } from '../route.ts'

const operation: Operation = {
  operationId: 'getClient',
  tags: ['client'],
  summary: 'Get the client script for script tags',
  security: [],
  parameters: [
    {
      name: 'v',
      in: 'query',
      description:
        'The version of the script. With the current version, browsers may cache the response for a year; without a version, for a day. With another version, they must check for a newer script each time.',
      schema: { type: 'string' },
    },
    {
      name: 'If-None-Match',
      in: 'header',
      description: 'The `ETag` of the cached script.',
      schema: { type: 'string' },
    },
  ],
  responses: {
    200: {
      description: 'The script.',
      headers: { ETag: { schema: { type: 'string' }, description: 'The hash of the script.' } },
      content: { 'text/javascript': { schema: { type: 'string' } } },
    },
    304: { description: 'The cached script is current.' },
    ...describeProblemResponses(),
  },
}

/**
 * `GET /lapse.js`: the client script for script tags. With its version (`?v=`) it is immutable: a tag with a hash must
 * never get the file of another version from a cache.
 */
export const clientScript: Route = {
  method: 'get',
  path: '/lapse.js',
  operation,
  handler() {
    const { body, version, integrity } = loadClientScript()
    const etag = `"${integrity}"`
    return (ctx) => {
      ctx.set('Access-Control-Allow-Origin', '*')
      ctx.set('Cross-Origin-Resource-Policy', 'cross-origin')
      ctx.set('Cache-Control', chooseCacheControl(ctx.query.v, version))
      ctx.set('ETag', etag)
      ctx.type = 'text/javascript'
      if (includesTag(ctx.get('If-None-Match'), etag)) ctx.status = 304
      else ctx.body = body
    }
  },
}

function chooseCacheControl(requested: string | string[] | undefined, version: string): string {
  // Without a version the URL never changes: a day, and a week more while caches fetch the new script.
  if (requested === undefined) return 'public, max-age=86400, stale-while-revalidate=604800'
  return requested === version ? 'public, max-age=31536000, immutable' : 'no-cache'
}

/** RFC 9110, section 13.1.2. Koa's `ctx.fresh` ignores the header in requests with `Cache-Control: no-cache`. */
function includesTag(ifNoneMatch: string, etag: string): boolean {
  return ifNoneMatch.split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, '')))
}
