import { LapseError } from '../../domain/errors.ts'
import type { Middleware } from '../context.ts'
import type { CollectorParts } from '../dependencies.ts'

/** `GET /healthz`: the process runs. */
export const healthz: Middleware = (ctx) => {
  ctx.set('Cache-Control', 'no-store')
  ctx.body = { status: 'ok' }
}

/** A fault that passes by itself sooner is no reason to send the traffic elsewhere. */
const failingTooLongMs = 10_000
/** For how long one success answers for the database, so that nobody can keep it busy by asking. */
const readyForMs = 1_000

/** `GET /readyz`: events can be recorded. Fails while the database is away or unmigrated, or on the way out. */
export function readyz({ store, writer, lifecycle }: CollectorParts): Middleware {
  const assertReady = shareChecks(() => store.schema.assertCurrent())
  return async (ctx) => {
    ctx.set('Cache-Control', 'no-store')
    if (lifecycle.isStopping) throw unready('The collector is stopping.')
    if (writer.failingForMs > failingTooLongMs) throw unready('No row could be written for 10 seconds.')
    try {
      await assertReady()
    } catch (cause) {
      throw unready(
        'The database is away, or its table is missing or too old. Start it, or run: lapse migrate',
        cause,
      )
    }
    ctx.body = { status: 'ready' }
  }
}

/** Lets all who ask at the same time share one check, and those who ask soon after it a success. */
function shareChecks(check: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined
  let succeededAt = Number.NEGATIVE_INFINITY
  async function run(): Promise<void> {
    try {
      await check()
      succeededAt = performance.now()
    } finally {
      running = undefined
    }
  }
  return async () => {
    if (performance.now() - succeededAt < readyForMs) return
    running ??= run()
    await running
  }
}

function unready(message: string, cause?: unknown): LapseError {
  return new LapseError('unavailable', message, { retryAfterSeconds: 5, cause })
}
