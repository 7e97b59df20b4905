import { LapseError } from '../../domain/errors.ts'
import type { Middleware } from '../context.ts'

/** Refuses requests that Node accepts although their target or their `Host` header is invalid. */
export const validateRequest: Middleware = (ctx, next) => {
  if (ctx.state.path === undefined)
    throw new LapseError('bad-request', 'The request target is not a valid path or URL.')
  // RFC 9112, section 3.2.
  if (ctx.req.httpVersion === '1.1' && ctx.req.headers.host === undefined)
    throw new LapseError('bad-request', 'The Host header is missing. HTTP/1.1 requires it.')
  return next()
}
