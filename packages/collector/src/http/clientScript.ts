import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Middleware } from './context.ts'

/** `GET /lapse.js`: the client for script tags. */
export function clientScript(): Middleware {
  const script = readScript()
  const etag = `"${createHash('sha256').update(script).digest('base64url')}"`
  return (ctx) => {
    ctx.set('Access-Control-Allow-Origin', '*')
    ctx.set('Cross-Origin-Resource-Policy', 'cross-origin')
    ctx.set('X-Content-Type-Options', 'nosniff')
    // A day, and a week more while the new one is fetched: the address does not change with the version.
    ctx.set('Cache-Control', 'public, max-age=86400, stale-while-revalidate=604800')
    ctx.set('ETag', etag)
    ctx.type = 'text/javascript'
    if (matches(ctx.get('If-None-Match'), etag)) ctx.status = 304
    else ctx.body = script
  }
}

/** RFC 9110, section 13.1.2. Koa's `ctx.fresh` sends all again when the request says `Cache-Control: no-cache`. */
function matches(ifNoneMatch: string, etag: string): boolean {
  return ifNoneMatch.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag)
}

function readScript(): Buffer {
  const file = fileURLToPath(import.meta.resolve('@lapse/client/lapse.js'))
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new Error(`The client ${file} is missing. In a checkout, run: pnpm build`, { cause })
  }
}
