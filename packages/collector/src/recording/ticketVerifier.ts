import { hash } from 'node:crypto'
import QuickLRU from 'quick-lru'
import { readVerifiedTicket, type TicketClaims, type TicketContext, verifyTicket } from '../domain/ticket.ts'

/** Verifies a ticket like `verifyTicket`, and can remember that it was verified. */
export type VerifyTicket = (ticket: string, context: TicketContext) => Promise<TicketClaims>

/** The tickets of a million live sessions. Up to twice as many are remembered for a while. */
const maxRemembered = 1_000_000
/** How long a ticket stays verified after its key was removed from the configuration or from a set of keys. */
const maxAgeMs = 60 * 60_000
/** Keys that are looked up can be removed at any time. */
const maxAgeWithLookupMs = 5 * 60_000

/**
 * Creates a function that verifies each ticket once, and later only reads it: a browser sends the same ticket with each
 * report of its session. The tickets that were used last are remembered, by a digest, none beyond its expiry.
 */
export function createTicketVerifier(limit = maxRemembered): VerifyTicket {
  // Until when each is remembered, in epoch milliseconds of the collector's clock.
  const remembered = new QuickLRU<string, number>({ maxSize: limit })

  return async (ticket, context) => {
    const key = hash('sha256', `${context.site}\n${ticket}`, 'base64url')
    const knownUntil = remembered.get(key)
    if (knownUntil !== undefined && context.now < knownUntil) return readVerifiedTicket(ticket, context.now)
    const claims = await verifyTicket(ticket, context)
    if (claims.hasExpired) return claims
    const looksUpKeys = context.keys.some(({ key: each }) => typeof each === 'function')
    const until = Math.min(
      context.now + (looksUpKeys ? maxAgeWithLookupMs : maxAgeMs),
      claims.expiresAt ?? Number.POSITIVE_INFINITY,
    )
    remembered.set(key, until)
    return claims
  }
}
