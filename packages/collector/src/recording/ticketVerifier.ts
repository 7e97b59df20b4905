import { type TicketClaims, type TicketContext, verifyTicket } from '../domain/ticket.ts'

/** Verifies a ticket like `verifyTicket`, and can remember that it was verified. */
export type VerifyTicket = (ticket: string, context: TicketContext) => Promise<TicketClaims>

/** A ticket has about 300 characters, so this takes up to 60 MB. */
const maxRemembered = 100_000
/** How long a ticket stays verified after its key was removed from the configuration or from a set of keys. */
const maxAgeMs = 60 * 60_000
/** Keys that are looked up can be removed at any time. */
const maxAgeWithLookupMs = 5 * 60_000

interface Remembered {
  readonly claims: TicketClaims
  /** Epoch milliseconds of the collector's clock. */
  readonly until: number
}

/**
 * Creates a function that verifies each ticket once, and later repeats the result: a browser sends the same ticket with
 * each report of its session. The tickets that were used last are remembered, none beyond its expiry.
 */
export function createTicketVerifier(limit = maxRemembered): VerifyTicket {
  // A map keeps the order of insertion, so the ticket that was used least recently is first.
  const remembered = new Map<string, Remembered>()

  return async (ticket, context) => {
    const key = `${context.site}\n${ticket}`
    const known = remembered.get(key)
    if (known) {
      remembered.delete(key)
      if (context.now < known.until) {
        remembered.set(key, known)
        return known.claims
      }
    }
    const claims = await verifyTicket(ticket, context)
    if (claims.hasExpired) return claims
    const looksUpKeys = context.keys.some(({ key: each }) => typeof each === 'function')
    const until = Math.min(
      context.now + (looksUpKeys ? maxAgeWithLookupMs : maxAgeMs),
      claims.expiresAt ?? Number.POSITIVE_INFINITY,
    )
    remembered.set(key, { claims, until })
    const [oldest] = remembered.keys()
    if (remembered.size > limit && oldest !== undefined) remembered.delete(oldest)
    return claims
  }
}
