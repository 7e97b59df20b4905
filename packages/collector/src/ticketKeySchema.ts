import { createPublicKey } from 'node:crypto'
import { z } from 'zod'
import { type Environment, notSet, readVariable, variableIn } from './environment.ts'
import { always } from './lapse/always.ts'
import { publicKeyAlgorithms } from './lapse/ticket.ts'

const secretOf = (environment: Environment) =>
  z.string().transform((text, context) => {
    const name = variableIn(text)
    const secret = name && readVariable(environment, name)
    // RFC 7518, section 3.2: a key for HS256 is at least as long as the hash, 256 bits.
    if (secret && Buffer.byteLength(secret) >= 32) return secret
    const message = !name
      ? 'a secret is not written here: put it into an environment variable and write env:NAME'
      : secret
        ? `the environment variable ${name} is shorter than 32 bytes, too short for HS256`
        : notSet(name)
    context.addIssue({ code: 'custom', message })
    return z.NEVER
  })

type PublicKeyAlgorithm = (typeof publicKeyAlgorithms)[number]

/** The key type, and the curve if it has one, of each algorithm. */
const kinds: Readonly<Record<PublicKeyAlgorithm, { readonly kty: string; readonly crv?: string }>> = {
  EdDSA: { kty: 'OKP', crv: 'Ed25519' },
  ES256: { kty: 'EC', crv: 'P-256' },
  RS256: { kty: 'RSA' },
}

const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k']

const jwkSet = z.object({ keys: z.array(z.looseObject({ kty: z.string() })).min(1) })

/** Says what is wrong with a JWK, or nothing. */
function faultOf(jwk: Readonly<Record<string, unknown>>, alg: PublicKeyAlgorithm): string | undefined {
  if (privateMembers.some((member) => member in jwk))
    return 'this is a private key: write the public key only'
  const { kty, crv } = kinds[alg]
  if (jwk.kty !== kty || jwk.crv !== crv)
    return `${alg} takes keys with kty ${kty}${crv ? ` and crv ${crv}` : ''}`
  try {
    const { asymmetricKeyDetails } = createPublicKey({ key: jwk, format: 'jwk' })
    const bits = asymmetricKeyDetails?.modulusLength
    // RFC 7518, section 3.3.
    return bits !== undefined && bits < 2048 ? 'an RSA key has at least 2048 bits' : undefined
  } catch {
    return 'this is no key: its members are missing or wrong'
  }
}

const isSafeUrl = (text: string) => {
  const url = URL.parse(text)
  const isLocal = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url?.hostname ?? '')
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal)
}

const publicKeys = z
  .strictObject({
    alg: z.enum(publicKeyAlgorithms),
    jwks: jwkSet.optional(),
    jwksUrl: z
      .string()
      .refine(isSafeUrl, { error: 'write an https URL; http is for this machine only' })
      .optional(),
  })
  .refine(({ jwks, jwksUrl }) => (jwks === undefined) !== (jwksUrl === undefined), {
    error: 'write the keys as jwks, or their URL as jwksUrl',
    ...always,
  })
  .superRefine(({ alg, jwks }, context) => {
    jwks?.keys.forEach((jwk, index) => {
      const message = faultOf(jwk, alg)
      if (message) context.addIssue({ code: 'custom', path: ['jwks', 'keys', index], message })
    })
  })

/** One entry of a site's `ticketKeys`. */
export function ticketKeySchemaOf(environment: Environment) {
  const sharedSecret = z.strictObject({ alg: z.literal('HS256'), secret: secretOf(environment) })
  return z.discriminatedUnion('alg', [sharedSecret, publicKeys])
}
