import { z } from 'zod'
import { publicKeyAlgorithms } from '../domain/ticket.ts'
import { runDespiteErrors } from '../domain/validation/validate.ts'
import type { ConfigSchemaContext } from './configSchemaContext.ts'
import { describePublicKeyFault, maxKeysInSet } from './publicKey.ts'
import { isSafeUrl, safeUrlRule } from './safeUrl.ts'
import { type ConfiguredSecret, createSecretSchema } from './secretSchema.ts'

/** @throws if the secret is unset or too short. */
export function readSecret(site: string, secret: ConfiguredSecret): string {
  if ('value' in secret) return secret.value
  throw new Error(`The ticket secret of site "${site}" cannot be used: ${secret.fault}.`)
}

/** RFC 7518, section 3.2: a key for HS256 is at least as long as the hash, 256 bits. */
const minSecretBytes = 32

function describeSecretFault(value: string): string | undefined {
  if (Buffer.byteLength(value) >= minSecretBytes) return undefined
  return `is shorter than ${minSecretBytes} bytes, which is too short for HS256`
}

const jwkSet = z.object({
  keys: z
    .array(z.looseObject({ kty: z.string() }))
    .min(1)
    .max(maxKeysInSet, { error: `must have at most ${maxKeysInSet} keys` }),
})

function hasReadableCredentials(text: string): boolean {
  const { username = '', password = '' } = URL.parse(text) ?? {}
  try {
    return decodeURIComponent(username + password) !== undefined
  } catch {
    return false
  }
}

const publicKeySchema = z
  .strictObject({
    alg: z.enum(publicKeyAlgorithms).describe('The algorithm of the keys.'),
    jwks: jwkSet
      .optional()
      .describe(
        'The public keys as a JWK set (RFC 7517). Keys that are private or do not fit `alg` are refused. RSA keys must have 2048 to 8192 bits.',
      )
      .meta({
        valueType: `object (at most ${maxKeysInSet} keys)`,
        whenOmitted: 'required unless `jwksUrl` is set',
      }),
    jwksUrl: z
      .string()
      .refine(isSafeUrl, { error: safeUrlRule })
      .refine(hasReadableCredentials, {
        error: 'has a % in the user name or password that is not followed by two hexadecimal digits',
      })
      .optional()
      .describe(
        'The `https` URL of a JWK set. The collector fetches it when it is first needed, then every 10 minutes, and at most every 30 seconds when a ticket names an unknown key. The response must arrive within 2.5 seconds, without a redirect, and have at most 256 KiB and 100 keys. A user name and password in the URL are sent as `Basic` authorization. If the URL becomes unavailable, the last keys remain valid.',
      )
      .meta({ whenOmitted: 'required unless `jwks` is set' }),
  })
  .refine(({ jwks, jwksUrl }) => (jwks === undefined) !== (jwksUrl === undefined), {
    error: 'must have either jwks or jwksUrl',
    ...runDespiteErrors,
  })
  .superRefine(({ alg, jwks }, context) => {
    jwks?.keys.forEach((jwk, index) => {
      const message = describePublicKeyFault(jwk, alg)
      if (message) context.addIssue({ code: 'custom', path: ['jwks', 'keys', index], message })
    })
  })
  .meta({
    title: 'Public keys',
    description: 'The public keys of the application, which signs tickets with its private keys.',
  })

/** One entry of a site's `ticketKeys`. */
export function createTicketKeySchema(context: Pick<ConfigSchemaContext, 'environment' | 'requiresSecrets'>) {
  const secret = createSecretSchema(context, describeSecretFault).describe(
    `The secret as \`env:NAME\`, the name of an environment variable. It must have at least ${minSecretBytes} bytes.`,
  )
  const sharedSecretSchema = z
    .strictObject({ alg: z.literal('HS256').describe('The algorithm.'), secret })
    .meta({ title: 'Shared secret', description: 'A secret that the collector shares with the application.' })
  return z.discriminatedUnion('alg', [sharedSecretSchema, publicKeySchema])
}
