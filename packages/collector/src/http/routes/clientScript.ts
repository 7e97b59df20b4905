import type { Site } from '../../domain/site.ts'
import { type ClientScript, computeIntegrity, loadClientScript } from '../files/loadClientScript.ts'
import type { Operation } from '../openapi/operation.ts'
import { describeProblemResponses } from '../openapi/responses.ts'
import { createUnknownQuerySiteError, findQuerySite } from '../request/findQuerySite.ts'
import type { Route } from '../route.ts'

const operation: Operation = {
  operationId: 'getClient',
  tags: ['client'],
  summary: 'Get the client script for script tags',
  description:
    "With `site`, the script also knows the site's idle timeout: it sets `data-idle-timeout-seconds` on its tag, unless the tag has that attribute. A tag with `integrity` must carry the attribute instead, because its hash is that of the script without `site`.",
  security: [],
  parameters: [
    {
      name: 'site',
      in: 'query',
      description:
        'The name of the site whose idle timeout the script gets. Browsers may cache the response for an hour, because the timeout can change.',
      schema: { type: 'string' },
      examples: { unknownSite: { value: 'other' } },
    },
    {
      name: 'v',
      in: 'query',
      description:
        'The version of the script. With the current version and without `site`, browsers may cache the response for a year; without a version, for a day. With another version, they must check for a newer script each time.',
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
    ...describeProblemResponses(['unknown-site'], { unknownSite: createUnknownQuerySiteError() }),
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
  handler({ settings: { sites } }) {
    const script = loadClientScript()
    const findSiteScript = createSiteScripts(script, sites)
    return (ctx) => {
      // For errors too. Otherwise browsers hide them from the page that has the tag.
      ctx.set('Access-Control-Allow-Origin', '*')
      ctx.set('Cross-Origin-Resource-Policy', 'cross-origin')
      ctx.set('Cache-Control', 'no-cache')
      const requested = findQuerySite(ctx, sites)
      const { body, integrity } = requested ? findSiteScript(requested.site) : script
      const etag = `"${integrity}"`
      ctx.set('Cache-Control', chooseCacheControl(ctx.query.v, script.version, requested !== undefined))
      ctx.set('ETag', etag)
      ctx.type = 'text/javascript'
      if (includesTag(ctx.get('If-None-Match'), etag)) ctx.status = 304
      else ctx.body = body
    }
  },
}

type Script = Pick<ClientScript, 'body' | 'integrity'>

/** Creates the scripts that know an idle timeout. Sites with the same timeout share one. */
function createSiteScripts(script: Script, sites: Readonly<Record<string, Site>>): (site: Site) => Script {
  const scripts = new Map<number, Script>()
  for (const { idleTimeoutSeconds } of Object.values(sites)) {
    if (!scripts.has(idleTimeoutSeconds))
      scripts.set(idleTimeoutSeconds, addIdleTimeout(script, idleTimeoutSeconds))
  }
  return ({ idleTimeoutSeconds }) => scripts.get(idleTimeoutSeconds) ?? script
}

/**
 * Adds a statement that sets the idle timeout on the script's tag, unless the tag has one. In a module, or in a script
 * that another one runs, there is no current script, and the statement does nothing.
 */
function addIdleTimeout({ body }: Script, idleTimeoutSeconds: number): Script {
  const statement = `try{document.currentScript.dataset.idleTimeoutSeconds||=${idleTimeoutSeconds}}catch{}\n`
  const extended = Buffer.concat([Buffer.from(statement), body])
  return { body: extended, integrity: computeIntegrity(extended) }
}

function chooseCacheControl(
  requested: string | string[] | undefined,
  version: string,
  hasSite: boolean,
): string {
  if (requested !== undefined && requested !== version) return 'no-cache'
  // The site's idle timeout can change: an hour, and a day more while caches fetch the new one.
  if (hasSite) return 'public, max-age=3600, stale-while-revalidate=86400'
  // Without a version the URL never changes: a day, and a week more while caches fetch the new script.
  if (requested === undefined) return 'public, max-age=86400, stale-while-revalidate=604800'
  return 'public, max-age=31536000, immutable'
}

/** RFC 9110, section 13.1.2. Koa's `ctx.fresh` ignores the header in requests with `Cache-Control: no-cache`. */
function includesTag(ifNoneMatch: string, etag: string): boolean {
  return ifNoneMatch.split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, '')))
}
