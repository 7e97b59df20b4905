import { errorCodes, LapseError, toProblem } from '../../domain/errors.ts'
import { type DataKind, StorageError } from '../../domain/storageError.ts'
import type { Context, Middleware } from '../context.ts'

const retryAfterSeconds = 5

/** Turns every error into an `application/problem+json` response (RFC 9457). */
export const handleErrors: Middleware = async (ctx, next) => {
  try {
    await next()
    if (ctx.body !== undefined) return
    if (ctx.status === 404)
      throw new LapseError('not-found', 'No endpoint has this path. GET /openapi.json lists the endpoints.')
    if (ctx.status === 405 || ctx.status === 501) {
      throw new LapseError('method-not-allowed', `Use one of these methods: ${ctx.response.get('Allow')}.`)
    }
  } catch (thrown) {
    answer(ctx, toLapseError(thrown, ctx))
  }
}

/** What clients learn about a storage error, by the data that could not be used. */
const storageDetails: Readonly<Record<DataKind, string>> = {
  audit: 'The audit could not be read. Try again later.',
  tokens: 'The token could not be looked up. Try again later.',
  dashboardSessions: 'The dashboard cannot use its sessions now. Try again later.',
  schema: 'The database cannot be used now. Try again later.',
}

/** Decides what the client sees of an error. The log has the rest. */
function toLapseError(thrown: unknown, ctx: Context): LapseError {
  const { log, requestId } = ctx.state
  if (thrown instanceof StorageError) {
    const detail = storageDetails[thrown.dataKind]
    log.error({ requestId, err: thrown }, detail)
    return new LapseError('unavailable', detail, { retryAfterSeconds })
  }
  if (!(thrown instanceof LapseError)) {
    log.error({ requestId, err: thrown }, 'request failed')
    return new LapseError(
      'internal',
      "The collector's log has the cause, under the X-Request-Id of this response.",
    )
  }
  if (errorCodes[thrown.code].status >= 500) log.error({ requestId, err: thrown.cause }, thrown.message)
  return thrown
}

function answer(ctx: Context, error: LapseError): void {
  const { code, retryAfterSeconds } = error
  ctx.state.logFields.problem = code
  ctx.status = errorCodes[code].status
  // RFC 6750, section 3.
  if (code === 'token-refused') ctx.set('WWW-Authenticate', 'Bearer')
  if (retryAfterSeconds !== undefined) ctx.set('Retry-After', String(retryAfterSeconds))
  ctx.body = toProblem(error)
  ctx.type = 'application/problem+json'
}
