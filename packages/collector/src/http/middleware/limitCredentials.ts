import { createHash } from 'node:crypto'
import { LapseError } from '../../domain/errors.ts'
import type { Context, Middleware } from '../context.ts'
import { clientNetwork } from '../request/address.ts'
import { readCookie } from '../request/dashboardCookie.ts'

/**
 * How many different tokens and cookies one client may present at the same time. Each costs a look-up in the database,
 * for which servers and readers would have to wait behind invented ones.
 */
const maxCredentials = 64

/** Refuses further credentials of a client while too many different ones are being looked up. */
export function limitCredentials(): Middleware {
  const clients = new Map<string, Map<string, number>>()
  return async (ctx, next) => {
    const credential = ctx.get('Authorization') || readCookie(ctx)
    if (!credential) return next()
    const client = clientNetwork(ctx.state.address || ctx.state.hops.at(-1) || '')
    const requests = clients.get(client) ?? new Map<string, number>()
    const key = createHash('sha256').update(credential).digest('base64')
    if (!requests.has(key) && requests.size >= maxCredentials) throw tooMany(ctx)
    clients.set(client, requests)
    requests.set(key, (requests.get(key) ?? 0) + 1)
    try {
      await next()
    } finally {
      const left = (requests.get(key) ?? 1) - 1
      if (left > 0) requests.set(key, left)
      else requests.delete(key)
      if (requests.size === 0) clients.delete(client)
    }
  }
}

function tooMany(ctx: Context): LapseError {
  ctx.set('Connection', 'close')
  return new LapseError(
    'too-many-requests',
    `More than ${maxCredentials} different tokens or cookies are in use from this address at the same time. Try again later.`,
    { retryAfterSeconds: 1 },
  )
}
