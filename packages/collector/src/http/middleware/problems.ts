import { errorCodes, LapseError, problemOf } from '../../domain/errors.ts'
import { StorageError, type StoredData } from '../../domain/storageError.ts'
import type { Context, Middleware } from '../context.ts'

/** Turns whatever is thrown further in into an `application/problem+json` answer (RFC 9457). */
export const problems: Middleware = async (ctx, next) => {
  try {
    if (ctx.state.path === undefined)
      throw new LapseError('bad-request', 'Ask for a path, or a whole URL, that is well-formed.')
    // RFC 9112, section 3.2.
    if (ctx.req.httpVersion === '1.1' && ctx.req.headers.host === undefined)
      throw new LapseError('bad-request', 'Send the header Host, as HTTP/1.1 requires.')
    await next()
    if (ctx.body !== undefined) return
    if (ctx.status === 404)
      throw new LapseError('not-found', 'Look up the addresses in the reference of the HTTP API.')
    if (ctx.status === 405 || ctx.status === 501) {
      throw new LapseError('method-not-allowed', `Use one of ${ctx.response.get('Allow')} here.`)
    }
  } catch (thrown) {
    answer(ctx, toLapseError(thrown, ctx))
  }
}

const unavailableDetails: Readonly<Record<StoredData, string>> = {
  audit: 'The audit could not be read. Try again later.',
  tokens: 'The token could not be looked up. Try again later.',
  dashboardSessions: 'The dashboard cannot use its sessions now. Try again later.',
  schema: 'The database cannot be used now. Try again later.',
}

function toLapseError(thrown: unknown, ctx: Context): LapseError {
  if (thrown instanceof StorageError) {
    const detail = unavailableDetails[thrown.storedData]
    return toLapseError(new LapseError('unavailable', detail, { cause: thrown, retryAfterSeconds: 5 }), ctx)
  }
  if (!(thrown instanceof LapseError)) {
    ctx.state.log.error({ requestId: ctx.state.requestId, err: thrown }, 'request failed')
    return new LapseError(
      'internal',
      'The reason is in the log of the collector, under the id of this request.',
    )
  }
  if (errorCodes[thrown.code].status >= 500)
    ctx.state.log.error({ requestId: ctx.state.requestId, err: thrown.cause }, thrown.message)
  return thrown
}

function answer(ctx: Context, error: LapseError): void {
  const { code, retryAfterSeconds } = error
  ctx.state.logged.problem = code
  ctx.status = errorCodes[code].status
  // RFC 6750, section 3.
  if (code === 'token-refused') ctx.set('WWW-Authenticate', 'Bearer')
  if (retryAfterSeconds !== undefined) ctx.set('Retry-After', String(retryAfterSeconds))
  ctx.body = problemOf(error)
  ctx.type = 'application/problem+json'
}
