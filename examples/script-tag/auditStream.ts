import { createHash } from 'node:crypto'
import type { Middleware } from 'koa'
import type { DemoOptions } from './options.ts'

const retryMs = 1000

/**
 * The audit table as server-sent events. The answer ends after one event and the browser's EventSource
 * comes back for the next: a stream held open would take one of the six connections that a browser grants
 * to a host, and six tabs would stop the application. `Last-Event-ID` says what the page has already.
 *
 * Not fetched by script: to Lapse a successful `fetch` is an access to the session, and this is none.
 */
export function auditStream(auditRows: NonNullable<DemoOptions['auditRows']>): Middleware {
  return async (ctx) => {
    const rows = JSON.stringify(await auditRows())
    const id = createHash('sha256').update(rows).digest('base64url')
    ctx.type = 'text/event-stream'
    ctx.set('Cache-Control', 'no-store')
    ctx.body =
      ctx.get('Last-Event-ID') === id
        ? `retry: ${retryMs}\n\n`
        : `retry: ${retryMs}\nid: ${id}\ndata: ${rows}\n\n`
  }
}
