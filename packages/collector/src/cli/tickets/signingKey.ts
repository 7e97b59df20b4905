import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { Config } from '../../config/config.ts'
import { readSecret } from '../../config/ticketKeySchema.ts'
import { publicKeyAlgorithms, type TicketAlgorithm } from '../../domain/ticket.ts'
import { findSite } from '../options/findSite.ts'
import type { SigningKeyOptions } from '../options/signingKeyOptions.ts'

export interface SigningKey {
  readonly alg: TicketAlgorithm
  readonly key: KeyObject | Uint8Array
  readonly kid?: string | undefined
}

/**
 * Loads the private key that the options name, otherwise the site's first HS256 secret.
 *
 * @param loadConfig called only if the secret is needed
 * @throws if there is no usable key; the message never quotes it
 */
export function loadSigningKey(
  { site, key: file, alg, kid }: SigningKeyOptions & { readonly site: string },
  loadConfig: () => Pick<Config, 'sites'>,
): SigningKey {
  return file === undefined
    ? { ...findSharedSecret(loadConfig(), site), kid }
    : { ...loadPrivateKey(file, alg), kid }
}

function findSharedSecret(config: Pick<Config, 'sites'>, site: string): SigningKey {
  for (const entry of findSite(config, site).ticketKeys) {
    if ('secret' in entry)
      return { alg: 'HS256', key: new TextEncoder().encode(readSecret(site, entry.secret)) }
  }
  throw new Error(`Site "${site}" has no HS256 secret. Name a private key with --key.`)
}

const algorithmsByKeyType: Readonly<Record<string, TicketAlgorithm>> = {
  ed25519: 'EdDSA',
  ec: 'ES256',
  rsa: 'RS256',
}

function loadPrivateKey(file: string, alg: TicketAlgorithm | undefined): SigningKey {
  const key = parsePrivateKey(file, readKeyFile(file))
  const algorithm = alg ?? algorithmsByKeyType[key.asymmetricKeyType ?? '']
  if (!algorithm)
    throw new Error(
      `The key in ${file} fits none of the algorithms ${publicKeyAlgorithms.join(', ')}. Name another key with --key.`,
    )
  return { alg: algorithm, key }
}

function readKeyFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Error(`Key file ${file} cannot be read. Name another file with --key.`, { cause })
  }
}

function parsePrivateKey(file: string, text: string): KeyObject {
  try {
    const isJwk = text.trimStart().startsWith('{')
    return createPrivateKey(isJwk ? { key: JSON.parse(text), format: 'jwk' } : text)
  } catch {
    // No `cause`: its message may quote the key.
    throw new Error(
      `${file} contains no private key in PEM (PKCS #8, unencrypted) or JWK format. Name another file with --key.`,
    )
  }
}
