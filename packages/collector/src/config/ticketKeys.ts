import { createLocalJWKSet } from 'jose'
import type { TicketKey } from '../domain/ticket.ts'
import type { Config } from './config.ts'
import { remoteKeys } from './remoteKeys.ts'
import { readSecret } from './ticketKeySchema.ts'

type WrittenKey = Config['sites'][string]['ticketKeys'][number]

/** Makes the keys of a site's tickets ready, once: importing one costs more than verifying with it. */
export function prepareTicketKeys(site: string, written: readonly WrittenKey[]): Promise<TicketKey[]> {
  return Promise.all(written.map((key) => prepare(site, key)))
}

async function prepare(site: string, written: WrittenKey): Promise<TicketKey> {
  if ('secret' in written) {
    const secret = new TextEncoder().encode(readSecret(site, written.secret))
    const algorithm = { name: 'HMAC', hash: 'SHA-256' }
    return {
      alg: written.alg,
      key: await crypto.subtle.importKey('raw', secret, algorithm, false, ['verify']),
    }
  }
  const { alg, jwks, jwksUrl = '' } = written
  return { alg, key: jwks ? createLocalJWKSet(jwks) : remoteKeys({ site, alg, url: new URL(jwksUrl) }) }
}
