import { z } from 'zod'
import { type Environment, notSet, variableIn } from './environment.ts'
import { always } from './lapse/always.ts'
import { publicKeyAlgorithms } from './lapse/ticket.ts'
import { maxKeysInSet, publicKeyFault } from './publicKey.ts'

const secretOf = (environment: Environment) =>
  z.string().transform((text, context) => {
    const name = variableIn(text)
    const secret = name && environment[name]
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

const jwkSet = z.object({
  keys: z
    .array(z.looseObject({ kty: z.string() }))
    .min(1)
    .max(maxKeysInSet, { error: `write at most ${maxKeysInSet} keys` }),
})

const isSafeUrl = (text: string) => {
  const url = URL.parse(text)
  const isLocal = /^(localhost|127(\.\d+){3}|\[::1\])$/.test(url?.hostname ?? '')
  return url?.protocol === 'https:' || (url?.protocol === 'http:' && isLocal)
}

const hasReadableCredentials = (text: string) => {
  const { username = '', password = '' } = URL.parse(text) ?? {}
  try {
    return decodeURIComponent(username + password) !== undefined
  } catch {
    return false
  }
}

const publicKeys = z
  .strictObject({
    alg: z.enum(publicKeyAlgorithms),
    jwks: jwkSet.optional(),
    jwksUrl: z
      .string()
      .refine(isSafeUrl, { error: 'write an https URL; http is for this machine only' })
      .refine(hasReadableCredentials, {
        error: 'in the user or the password, a % is not followed by two hexadecimal digits',
      })
      .optional(),
  })
  .refine(({ jwks, jwksUrl }) => (jwks === undefined) !== (jwksUrl === undefined), {
    error: 'write the keys as jwks, or their URL as jwksUrl',
    ...always,
  })
  .superRefine(({ alg, jwks }, context) => {
    jwks?.keys.forEach((jwk, index) => {
      const message = publicKeyFault(jwk, alg)
      if (message) context.addIssue({ code: 'custom', path: ['jwks', 'keys', index], message })
    })
  })

/** One entry of a site's `ticketKeys`. */
export function ticketKeySchemaOf(environment: Environment) {
  const sharedSecret = z.strictObject({ alg: z.literal('HS256'), secret: secretOf(environment) })
  return z.discriminatedUnion('alg', [sharedSecret, publicKeys])
}
