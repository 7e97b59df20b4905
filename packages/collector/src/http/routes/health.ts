import { LapseError } from '../../domain/errors.ts'
import type { Operation } from '../openapi/operation.ts'
import { describeProblemResponses } from '../openapi/responses.ts'
import type { Route } from '../route.ts'

/** Shorter failures do not make the collector unready. */
const maxFailingSeconds = 10

const describeStatus = (status: string) => ({
  content: {
    'application/json': {
      schema: { type: 'object', required: ['status'], properties: { status: { const: status } } },
      examples: { [status]: { value: { status } } },
    },
  },
})

const healthOperation: Operation = {
  operationId: 'getHealth',
  tags: ['operations'],
  summary: 'Check that the process is running',
  security: [],
  responses: {
    200: { description: 'The process is running.', ...describeStatus('ok') },
    ...describeProblemResponses(),
  },
}

const readinessOperation: Operation = {
  operationId: 'getReadiness',
  tags: ['operations'],
  summary: 'Check that session ends can be recorded',
  description: `Fails while the database is unavailable or not migrated, when every write has failed for more than ${maxFailingSeconds} seconds, and while the collector is shutting down.`,
  security: [],
  responses: {
    200: { description: 'Session ends can be recorded.', ...describeStatus('ready') },
    ...describeProblemResponses(['unavailable']),
  },
}

/** `GET /healthz`: whether the process is running. */
export const health: Route = {
  method: 'get',
  path: '/healthz',
  operation: healthOperation,
  cacheControl: 'no-store',
  handler: () => (ctx) => {
    ctx.body = { status: 'ok' }
  },
}

/** How long the result of a successful check is reused, so that many requests cannot overload the database. */
const readyForMs = 1_000
const retryAfterSeconds = 5

/** `GET /readyz`: whether session ends can be recorded. */
export const readiness: Route = {
  method: 'get',
  path: '/readyz',
  operation: readinessOperation,
  cacheControl: 'no-store',
  handler({ store, writer, lifecycle }) {
    const assertReady = shareCheck(() => store.schema.assertCurrent())
    return async (ctx) => {
      if (lifecycle.isStopping) throw createUnavailableError('The collector is shutting down.')
      if (writer.failingForMs > maxFailingSeconds * 1000)
        throw createUnavailableError(
          `Writing to the database has failed for more than ${maxFailingSeconds} seconds.`,
        )
      try {
        await assertReady()
      } catch (cause) {
        throw createUnavailableError(
          'The database is unavailable, or not migrated. Check that it runs, and run "lapse migrate".',
          cause,
        )
      }
      ctx.body = { status: 'ready' }
    }
  },
}

/** Creates a check that simultaneous calls share. A successful result is reused by later calls. */
function shareCheck(check: () => Promise<void>): () => Promise<void> {
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

function createUnavailableError(message: string, cause?: unknown): LapseError {
  return new LapseError('unavailable', message, { retryAfterSeconds, cause })
}
