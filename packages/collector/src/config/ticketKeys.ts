import { createSecretKey } from 'node:crypto'
import { createLocalJWKSet } from 'jose'
import type { TicketKey } from '../domain/ticket.ts'
import { createRemoteKeys } from './remoteKeys.ts'
import type { CheckedSite } from './siteSchema.ts'
import { readSecret } from './ticketKeySchema.ts'

type ConfiguredKey = CheckedSite['ticketKeys'][number]

/** Prepares a site's ticket keys once, because importing a key costs more than verifying a ticket with it. */
export function prepareTicketKeys(site: string, keys: readonly ConfiguredKey[]): TicketKey[] {
  return keys.map((key) => prepareTicketKey(site, key))
}

function prepareTicketKey(site: string, key: ConfiguredKey): TicketKey {
  if ('secret' in key) {
    const secret = createSecretKey(readSecret(site, key.secret), 'utf8')
    return { alg: key.alg, key: secret }
  }
  const { alg, jwks, jwksUrl = '' } = key
  return { alg, key: jwks ? createLocalJWKSet(jwks) : createRemoteKeys({ site, alg, url: new URL(jwksUrl) }) }
}
