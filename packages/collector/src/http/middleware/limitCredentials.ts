import { createHash } from 'node:crypto'
import { LapseError } from '../../domain/errors.ts'
import type { Middleware } from '../context.ts'
import { readClientNetwork } from '../request/clientNetwork.ts'
import { readCookie } from '../request/dashboardCookie.ts'

/**
 * How many different tokens and cookies a client may use at the same time. Each requires a database query, and a flood
 * of invented ones would delay servers and readers.
 */
const maxCredentials = 64
const retryAfterSeconds = 1

/** Limits how many different tokens and cookies each client can use at the same time. */
export function limitCredentials(): Middleware {
  /** For each client, the number of running requests by the hash of their credentials. */
  const clients = new Map<string, Map<string, number>>()
  return async (ctx, next) => {
    const credential = ctx.get('Authorization') || readCookie(ctx)
    if (!credential) return next()
    const client = readClientNetwork(ctx)
    const requests = clients.get(client) ?? new Map<string, number>()
    const key = createHash('sha256').update(credential).digest('base64')
    if (!requests.has(key) && requests.size >= maxCredentials) {
      ctx.set('Connection', 'close')
      throw createTooManyCredentialsError()
    }
    clients.set(client, requests)
    requests.set(key, (requests.get(key) ?? 0) + 1)
    try {
      await next()
    } finally {
      const remaining = (requests.get(key) ?? 1) - 1
      if (remaining > 0) requests.set(key, remaining)
      else requests.delete(key)
      if (requests.size === 0) clients.delete(client)
    }
  }
}

function createTooManyCredentialsError(): LapseError {
  return new LapseError(
    'too-many-requests',
    `At most ${maxCredentials} different tokens or cookies can be used from one address at the same time. Try again later.`,
    { retryAfterSeconds },
  )
}
