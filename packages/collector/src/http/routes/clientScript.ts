import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Middleware } from '../context.ts'

/** The client for script tags, as this collector has it. */
export interface ClientScript {
  readonly body: Buffer
  readonly version: string
  /** What a tag's `integrity` says (Subresource Integrity, section 3.1). */
  readonly integrity: string
}

/** @throws {Error} when the client has not been built. */
export function loadClientScript(): ClientScript {
  const body = readScript()
  const { version } = JSON.parse(
    readFileSync(fileURLToPath(import.meta.resolve('@lapse/client/package.json')), 'utf8'),
  )
  return { body, version, integrity: `sha384-${createHash('sha384').update(body).digest('base64')}` }
}

/**
 * `GET /lapse.js`: the client for script tags. Asked for by its version (`?v=`), it is kept for good: a tag with a hash
 * must never meet the file of another version in a cache.
 */
export function clientScript({ body, version, integrity }: ClientScript): Middleware {
  const etag = `"${integrity}"`
  return (ctx) => {
    ctx.set('Access-Control-Allow-Origin', '*')
    ctx.set('Cross-Origin-Resource-Policy', 'cross-origin')
    ctx.set('Cache-Control', cacheControl(ctx.query.v, version))
    ctx.set('ETag', etag)
    ctx.type = 'text/javascript'
    if (matches(ctx.get('If-None-Match'), etag)) ctx.status = 304
    else ctx.body = body
  }
}

function cacheControl(wanted: string | string[] | undefined, version: string): string {
  // A day, and a week more while the new one is fetched: without a version the address never changes.
  if (wanted === undefined) return 'public, max-age=86400, stale-while-revalidate=604800'
  return wanted === version ? 'public, max-age=31536000, immutable' : 'no-cache'
}

/** RFC 9110, section 13.1.2. Koa's `ctx.fresh` sends all again when the request says `Cache-Control: no-cache`. */
function matches(ifNoneMatch: string, etag: string): boolean {
  return ifNoneMatch.split(',').some((tag) => ['*', etag].includes(tag.trim().replace(/^W\//, '')))
}

function readScript(): Buffer {
  const file = fileURLToPath(import.meta.resolve('@lapse/client/lapse.js'))
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new Error(`The client ${file} is missing. In a checkout, run: pnpm build`, { cause })
  }
}
