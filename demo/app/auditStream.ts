import { createHash } from 'node:crypto'
import type { Middleware } from 'koa'
import type { DemoOptions } from './options.ts'

const retryMs = 1000

/**
 * Sends the audit table as server-sent events.
 *
 * Each response ends after one event, and the browser's EventSource reconnects for the next. A stream that stays open
 * would use one of the six connections that a browser opens to a host, so six tabs would block the application.
 * `Last-Event-ID` shows which rows the page already has.
 *
 * Pages do not use `fetch` for this, because Lapse counts a successful `fetch` as activity.
 */
export function streamAuditRows(readAuditRows: NonNullable<DemoOptions['readAuditRows']>): Middleware {
  return async (ctx) => {
    const rows = JSON.stringify(await readAuditRows())
    const id = createHash('sha256').update(rows).digest('base64url')
    ctx.type = 'text/event-stream'
    ctx.body =
      ctx.get('Last-Event-ID') === id
        ? `retry: ${retryMs}\n\n`
        : `retry: ${retryMs}\nid: ${id}\ndata: ${rows}\n\n`
  }
}
