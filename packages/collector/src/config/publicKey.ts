import { createPublicKey } from 'node:crypto'
import type { publicKeyAlgorithms } from '../domain/ticket.ts'

export type PublicKeyAlgorithm = (typeof publicKeyAlgorithms)[number]

/** How many keys a JWK set may hold, in the configuration or at a URL. */
export const maxKeysInSet = 100

/** The key type, and the curve if it has one, of each algorithm. */
const kinds: Readonly<Record<PublicKeyAlgorithm, { readonly kty: string; readonly crv?: string }>> = {
  EdDSA: { kty: 'OKP', crv: 'Ed25519' },
  ES256: { kty: 'EC', crv: 'P-256' },
  RS256: { kty: 'RSA' },
}

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/** RFC 7518, section 3.3. */
const minRsaBits = 2048
/** Verifying takes longer the larger these are, and whoever sends a ticket has it done. */
const maxRsaBits = 8192
const maxRsaExponent = 2n ** 32n

/** Says what is wrong with a JWK for an algorithm, or nothing. */
export function publicKeyFault(
  jwk: Readonly<Record<string, unknown>>,
  alg: PublicKeyAlgorithm,
): string | undefined {
  if (privateMembers.some((member) => member in jwk))
    return 'this is a private key: write the public key only'
  const { kty, crv } = kinds[alg]
  if (jwk.kty !== kty || jwk.crv !== crv)
    return `${alg} takes keys with kty ${kty}${crv ? ` and crv ${crv}` : ''}`
  try {
    const { asymmetricKeyDetails } = createPublicKey({ key: jwk, format: 'jwk' })
    const { modulusLength: bits, publicExponent = 0n } = asymmetricKeyDetails ?? {}
    if (bits === undefined) return undefined
    if (bits < minRsaBits) return `an RSA key has at least ${minRsaBits} bits`
    if (bits > maxRsaBits) return `an RSA key has at most ${maxRsaBits} bits`
    return publicExponent > maxRsaExponent ? 'its exponent is too large: 65537 is usual' : undefined
  } catch {
    return 'this is no key: its members are missing or wrong'
  }
}
