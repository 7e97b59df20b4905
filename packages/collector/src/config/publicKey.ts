import { createPublicKey } from 'node:crypto'
import type { publicKeyAlgorithms } from '../domain/ticket.ts'

export type PublicKeyAlgorithm = (typeof publicKeyAlgorithms)[number]

/** The maximum number of keys in a JWK set, in the configuration or at a URL. */
export const maxKeysInSet = 100

/** The key type of each algorithm, and its curve if it has one. */
const keyTypes: Readonly<Record<PublicKeyAlgorithm, { readonly kty: string; readonly crv?: string }>> = {
  EdDSA: { kty: 'OKP', crv: 'Ed25519' },
  ES256: { kty: 'EC', crv: 'P-256' },
  RS256: { kty: 'RSA' },
}

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

/** RFC 7518, section 3.3. */
const minRsaBits = 2048
/** Anyone can send a ticket and make the collector verify it, and large keys are slow to verify with. */
const maxRsaBits = 8192
const maxRsaExponent = 2n ** 32n

/** @returns what is wrong with a JWK for an algorithm, or undefined if nothing is. */
export function describePublicKeyFault(
  jwk: Readonly<Record<string, unknown>>,
  alg: PublicKeyAlgorithm,
): string | undefined {
  if (privateMembers.some((member) => member in jwk)) return 'is a private key; write the public key only'
  const { kty, crv } = keyTypes[alg]
  if (jwk.kty !== kty || jwk.crv !== crv)
    return `must have kty ${kty}${crv ? ` and crv ${crv}` : ''}, because alg is ${alg}`
  try {
    const { asymmetricKeyDetails } = createPublicKey({ key: jwk, format: 'jwk' })
    const { modulusLength: bits, publicExponent = 0n } = asymmetricKeyDetails ?? {}
    if (bits === undefined) return undefined
    if (bits < minRsaBits) return `must have at least ${minRsaBits} bits`
    if (bits > maxRsaBits) return `must have at most ${maxRsaBits} bits`
    return publicExponent > maxRsaExponent ? 'has too large an exponent; use 65537' : undefined
  } catch {
    return 'is not a valid key: members are missing or wrong'
  }
}
