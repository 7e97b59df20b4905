import { createHmac, type KeyObject, sign } from 'node:crypto'
import type { Settings, TicketKey } from '../options.ts'

/** The claims of a ticket. `iat` is in epoch seconds, `idle` and `abs` are in seconds. */
export interface TicketClaims {
  readonly iss: string
  readonly sub: string
  readonly sid: string
  readonly iat: number
  readonly idle: number
  readonly abs?: number | undefined
}

/**
 * Returns a function that signs tickets (JWS Compact Serialization, RFC 7515), or undefined without a secret or a key.
 *
 * `node:crypto` signs synchronously, so that templates can call `tag`. Libraries for JWTs sign asynchronously.
 */
export function createTicketSigner({
  ticketSecret,
  ticketKey,
}: Settings): ((claims: TicketClaims) => string) | undefined {
  if (ticketKey) return createCachedSigner(ticketKey)
  if (ticketSecret === undefined) return undefined
  const header = encode({ alg: 'HS256', typ: 'lapse+jwt' })
  return (claims) => {
    const signed = `${header}.${encode(claims)}`
    return `${signed}.${createHmac('sha256', ticketSecret).update(signed).digest('base64url')}`
  }
}

type SigningKey = TicketKey & { readonly key: KeyObject }

/** How many signed tickets are remembered. */
const maxCachedTickets = 10_000

/** Signing with a private key takes up to milliseconds, and each page of a session needs the same ticket. */
function createCachedSigner(key: SigningKey): (claims: TicketClaims) => string {
  const tickets = new Map<string, string>()
  return (claims) => {
    const name = JSON.stringify(claims)
    const known = tickets.get(name)
    if (known !== undefined) return known
    const [oldest] = tickets.keys()
    if (oldest !== undefined && tickets.size >= maxCachedTickets) tickets.delete(oldest)
    const ticket = signWithKey(key, claims)
    tickets.set(name, ticket)
    return ticket
  }
}

function signWithKey({ alg, key, kid }: SigningKey, claims: TicketClaims): string {
  const signed = `${encode({ alg, typ: 'lapse+jwt', kid })}.${encode(claims)}`
  // RFC 7518, section 3.4: an ECDSA signature is R and S, without ASN.1. Ed25519 has its own digest.
  const signature = sign(alg === 'EdDSA' ? null : 'sha256', Buffer.from(signed), {
    key,
    dsaEncoding: 'ieee-p1363',
  })
  return `${signed}.${signature.toString('base64url')}`
}

function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
