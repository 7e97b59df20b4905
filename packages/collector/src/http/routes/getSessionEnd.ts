import { LapseError } from '../../domain/errors.ts'
import type { Middleware } from '../context.ts'
import type { CollectorParts } from '../dependencies.ts'
import { reading } from '../reading.ts'
import { authenticateReader } from '../request/authenticate.ts'

/** `GET /v1/lapses/:id`: one row. That of a site which the token is not good for is not there. */
export function getSessionEnd(parts: CollectorParts): Middleware {
  return async (ctx) => {
    const { token } = await authenticateReader(ctx, parts)
    const id = /^\d{1,15}$/.test(ctx.params.id) ? Number(ctx.params.id) : undefined
    const row = id === undefined ? undefined : await reading(parts.store.sessionEnds.find(id))
    if (!row || (token.site !== null && token.site !== row.site))
      throw new LapseError('not-found', 'There is no row of this id. See GET /v1/lapses.')
    ctx.set('Cache-Control', 'no-store')
    ctx.body = row
  }
}
