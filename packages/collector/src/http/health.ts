import { LapseError } from '../lapse/error.ts'
import type { CollectorParts } from './app.ts'
import type { Middleware } from './context.ts'

/** `GET /healthz`: the process runs. */
export const healthz: Middleware = (ctx) => {
  ctx.set('Cache-Control', 'no-store')
  ctx.body = { status: 'ok' }
}

/** `GET /readyz`: events can be recorded. Fails while the database is away or unmigrated, or on the way out. */
export function readyz({ store, lifecycle }: CollectorParts): Middleware {
  return async (ctx) => {
    ctx.set('Cache-Control', 'no-store')
    if (lifecycle.isStopping) throw unready('The collector is stopping.')
    try {
      await store.assertReady()
    } catch (cause) {
      throw unready(
        'The database is away, or its table is missing or too old. Start it, or run: lapse migrate',
        cause,
      )
    }
    ctx.body = { status: 'ready' }
  }
}

function unready(message: string, cause?: unknown): LapseError {
  return new LapseError('unavailable', message, { retryAfterSeconds: 5, cause })
}
