import { createPrivateKey, type KeyObject } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { type Command, Option } from 'commander'
import { SignJWT } from 'jose'
import type { Config } from '../../config/config.ts'
import { readSecret } from '../../config/ticketKeySchema.ts'
import { publicKeyAlgorithms, type TicketAlgorithm } from '../../domain/ticket.ts'
import { siteNamed } from '../options/findSite.ts'

/** Names the private key that a ticket is signed with. */
export interface KeyOptions {
  readonly key?: string
  readonly alg?: TicketAlgorithm
  readonly kid?: string
}

export function addKeyOptions(command: Command): Command {
  return command
    .option('--key <file>', "a private key, as PEM (PKCS #8) or JWK, instead of the site's HS256 secret")
    .addOption(new Option('--alg <algorithm>', 'what the private key signs by').choices(publicKeyAlgorithms))
    .option('--kid <id>', 'the id of the key in its JWK set')
}

interface SigningKey {
  readonly alg: TicketAlgorithm
  readonly key: KeyObject | Uint8Array
  readonly kid?: string | undefined
}

/** The private key that the options name, else the site's first HS256 secret. */
export function signingKeyOf(
  { site, key: file, alg, kid }: KeyOptions & { readonly site: string },
  config: () => Pick<Config, 'sites'>,
): SigningKey {
  return file === undefined ? { ...secretOf(config(), site), kid } : { ...readKey(file, alg), kid }
}

interface Claims {
  readonly site: string
  readonly subject: string
  readonly session?: string | undefined
  /** That session's limits, in seconds. */
  readonly idle?: number | undefined
  readonly abs?: number | undefined
  /** Epoch seconds (RFC 7519, section 2). */
  readonly issuedAt: number
  readonly expiresAt: number
}

export function signTicket(claims: Claims, { alg, key, kid }: SigningKey): Promise<string> {
  const { site, subject, session, idle, abs, issuedAt, expiresAt } = claims
  return new SignJWT({ ...(session && { sid: session }), ...(idle && { idle }), ...(abs && { abs }) })
    .setProtectedHeader({ alg, typ: 'lapse+jwt', ...(kid && { kid }) })
    .setIssuer(site)
    .setSubject(subject)
    .setIssuedAt(issuedAt)
    .setExpirationTime(expiresAt)
    .sign(key)
}

function secretOf(config: Pick<Config, 'sites'>, site: string): SigningKey {
  for (const written of siteNamed(config, site).ticketKeys) {
    if ('secret' in written)
      return { alg: 'HS256', key: new TextEncoder().encode(readSecret(site, written.secret)) }
  }
  throw new Error(`The site "${site}" has no HS256 secret. Name the private key with --key.`)
}

const algorithmOf: Readonly<Record<string, TicketAlgorithm>> = { ed25519: 'EdDSA', ec: 'ES256', rsa: 'RS256' }

function readKey(file: string, alg: TicketAlgorithm | undefined): SigningKey {
  const key = parseKey(file, readKeyFile(file))
  const used = alg ?? algorithmOf[key.asymmetricKeyType ?? '']
  if (!used)
    throw new Error(`The key in ${file} is none of ${publicKeyAlgorithms.join(', ')}. Name another one.`)
  return { alg: used, key }
}

function readKeyFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Error(`The key file ${file} cannot be read. Name another one with --key.`, { cause })
  }
}

function parseKey(file: string, text: string): KeyObject {
  try {
    const isJwk = text.trimStart().startsWith('{')
    return createPrivateKey(isJwk ? { key: JSON.parse(text), format: 'jwk' } : text)
  } catch {
    // The message of the error may quote the key.
    throw new Error(
      `${file} holds no private key as PEM (PKCS #8, not encrypted) or JWK. Name another one with --key.`,
    )
  }
}
