import { createLocalJWKSet } from 'jose'
import type { TicketKey } from '../domain/ticket.ts'
import { createRemoteKeys } from './remoteKeys.ts'
import type { CheckedSite } from './siteSchema.ts'
import { readSecret } from './ticketKeySchema.ts'

type ConfiguredKey = CheckedSite['ticketKeys'][number]

/** Prepares a site's ticket keys once, because importing a key costs more than verifying a ticket with it. */
export function prepareTicketKeys(site: string, keys: readonly ConfiguredKey[]): Promise<TicketKey[]> {
  return Promise.all(keys.map((key) => prepareTicketKey(site, key)))
}

async function prepareTicketKey(site: string, key: ConfiguredKey): Promise<TicketKey> {
  if ('secret' in key) {
    const secret = new TextEncoder().encode(readSecret(site, key.secret))
    const algorithm = { name: 'HMAC', hash: 'SHA-256' }
    return { alg: key.alg, key: await crypto.subtle.importKey('raw', secret, algorithm, false, ['verify']) }
  }
  const { alg, jwks, jwksUrl = '' } = key
  return { alg, key: jwks ? createLocalJWKSet(jwks) : createRemoteKeys({ site, alg, url: new URL(jwksUrl) }) }
}
