import { z } from 'zod'
import { publicKeyAlgorithms } from '../domain/ticket.ts'
import { runDespiteErrors } from '../domain/validation/validate.ts'
import { type Environment, notSet, readVariable, variableIn } from './environment.ts'
import { maxKeysInSet, publicKeyFault } from './publicKey.ts'

/** A secret from an environment variable, or why there is none: not every command needs it. */
export type TicketSecret = { readonly value: string } | { readonly fault: string }

/** @throws where the secret is missing or too short. */
export function readSecret(site: string, secret: TicketSecret): string {
  if ('value' in secret) return secret.value
  throw new Error(`The site "${site}" has no secret: ${secret.fault}.`)
}

const secretOf = (environment: Environment, areSecretsUsed: boolean) =>
  z.string().transform((text, context): TicketSecret => {
    const name = variableIn(text)
    const secret = name === undefined ? notASecret : secretIn(environment, name)
    if ('fault' in secret && (areSecretsUsed || name === undefined))
      context.addIssue({ code: 'custom', message: secret.fault })
    return secret
  })

const notASecret: TicketSecret = {
  fault: 'a secret is not written here: put it into an environment variable and write env:NAME',
}

function secretIn(environment: Environment, name: string): TicketSecret {
  const value = readVariable(environment, name)
  if (!value) return { fault: notSet(name) }
  // RFC 7518, section 3.2: a key for HS256 is at least as long as the hash, 256 bits.
  if (Buffer.byteLength(value) >= 32) return { value }
  return { fault: `the environment variable ${name} is shorter than 32 bytes, too short for HS256` }
}

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
    ...runDespiteErrors,
  })
  .superRefine(({ alg, jwks }, context) => {
    jwks?.keys.forEach((jwk, index) => {
      const message = publicKeyFault(jwk, alg)
      if (message) context.addIssue({ code: 'custom', path: ['jwks', 'keys', index], message })
    })
  })

/** One entry of a site's `ticketKeys`. Where secrets are not used, one that is not set is no fault. */
export function ticketKeySchemaOf(environment: Environment, areSecretsUsed: boolean) {
  const secret = secretOf(environment, areSecretsUsed)
  const sharedSecret = z.strictObject({ alg: z.literal('HS256'), secret })
  return z.discriminatedUnion('alg', [sharedSecret, publicKeys])
}
