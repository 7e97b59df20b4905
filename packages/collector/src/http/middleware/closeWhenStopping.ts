import type { Middleware } from '../context.ts'
import type { Dependencies } from '../dependencies.ts'

/** Tells clients during shutdown not to send their next report on a connection that is about to be closed. */
export function closeWhenStopping({ lifecycle }: Pick<Dependencies, 'lifecycle'>): Middleware {
  return async (ctx, next) => {
    await next()
    if (lifecycle.isStopping) ctx.set('Connection', 'close')
  }
}
