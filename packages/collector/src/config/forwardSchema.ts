import { resolve } from 'node:path'
import { z } from 'zod'
import { maxLengths } from '../domain/sessionEnd.ts'
import { createPlainTextSchema } from '../domain/validation/fieldSchemas.ts'
import { runDespiteErrors } from '../domain/validation/validate.ts'
import { facilityNames } from '../forward/syslog/facilities.ts'
import { feedSearchSchema } from '../reading/filter.ts'
import type { ConfigSchemaContext } from './configSchemaContext.ts'
import { parseVariableReference } from './environment.ts'
import { isObject } from './isObject.ts'
import { isSafeUrl, safeUrlRule } from './safeUrl.ts'
import { type ConfiguredSecret, createSecretSchema, readSecretVariable } from './secretSchema.ts'

/** Standard Webhooks: a secret has 24 to 64 bytes. */
const minSecretBytes = 24
const maxSecretBytes = 64
const secretPrefix = 'whsec_'

function describeSecretFault(value: string): string | undefined {
  if (!/^[ -~]+$/.test(value)) return 'must have only printable ASCII characters'
  const encoded = value.startsWith(secretPrefix) ? value.slice(secretPrefix.length) : undefined
  if (encoded !== undefined && Buffer.from(encoded, 'base64').toString('base64') !== encoded)
    return `must have base64 after ${secretPrefix}`
  const bytes = encoded === undefined ? value.length : Buffer.byteLength(encoded, 'base64')
  if (bytes < minSecretBytes) return `is shorter than ${minSecretBytes} bytes`
  return encoded !== undefined && bytes > maxSecretBytes
    ? `is longer than ${maxSecretBytes} bytes`
    : undefined
}

function describeAuthorizationFault(value: string): string | undefined {
  return /^[!-~]+(?: [!-~]+)*$/.test(value)
    ? undefined
    : 'must be the value of an Authorization header, such as "Bearer TOKEN"'
}

function describeUrlFault(text: string): string | undefined {
  if (!isSafeUrl(text)) return safeUrlRule
  const { username, password, hash } = new URL(text)
  if (username || password)
    return 'must not contain a user name or a password; send them with the setting authorization'
  return hash ? 'must not contain a fragment (#…)' : undefined
}

/** The path of a URL can be a secret, so a URL may come from an environment variable. */
function createUrlSchema({ environment }: ConfigSchemaContext) {
  return z.string().transform((text, context): ConfiguredSecret => {
    const name = parseVariableReference(text)
    if (name !== undefined) return readSecretVariable(environment, name, describeUrlFault)
    const fault = describeUrlFault(text)
    if (fault === undefined) return { value: text }
    context.addIssue({ code: 'custom', message: fault })
    return { fault }
  })
}

const selectionSchemas = {
  site: createPlainTextSchema(maxLengths.site)
    .optional()
    .describe('Send only rows of this site.')
    .meta({ whenOmitted: 'default: all sites' }),
  search: feedSearchSchema
    .optional()
    .describe(
      'Send only rows that match this [search](../guides/querying.md#searches), such as `-reason:logout`, and corrections of such rows. The flags `superseded`, `burst` and `review` are not allowed.',
    )
    .meta({ whenOmitted: 'default: all rows' }),
}

function createWebhookSchema(context: ConfigSchemaContext) {
  return z
    .strictObject({
      type: z.literal('webhook').describe('The kind of destination.'),
      url: createUrlSchema(context).describe(
        'The `https` URL that each row is posted to, or `env:NAME`. `http` is allowed for this machine only. Redirects are not followed.',
      ),
      secret: createSecretSchema(context, describeSecretFault)
        .optional()
        .describe(
          `The secret that signs each request (Standard Webhooks), as \`env:NAME\`. Its value is \`${secretPrefix}\` with base64 of ${minSecretBytes} to ${maxSecretBytes} random bytes after it, or any other text of at least ${minSecretBytes} characters.`,
        )
        .meta({ whenOmitted: 'required unless `authorization` is set' }),
      authorization: createSecretSchema(context, describeAuthorizationFault)
        .optional()
        .describe(
          'The value of the `Authorization` header, as `env:NAME`, for receivers that need one. For example, `Splunk TOKEN` or `Bearer TOKEN`.',
        )
        .meta({ whenOmitted: 'required unless `secret` is set' }),
      ...selectionSchemas,
    })
    .refine(({ secret, authorization }) => secret !== undefined || authorization !== undefined, {
      path: ['secret'],
      error:
        'is missing; set secret, authorization or both, so that the receiver can tell who sends the rows',
      ...runDespiteErrors,
    })
    .meta({
      title: 'Webhook',
      description: 'Each row is an HTTPS request with a JSON body.',
    })
}

const maxPort = 65_535

function createTlsSchema({ folder }: Pick<ConfigSchemaContext, 'folder'>) {
  const path = z
    .string()
    .min(1)
    .transform((text) => resolve(folder, text))
    .optional()
  return z
    .strictObject({ caPath: path, certPath: path, keyPath: path, serverName: z.string().min(1).optional() })
    .refine(({ certPath, keyPath }) => (certPath === undefined) === (keyPath === undefined), {
      error: 'must have both certPath and keyPath, or neither',
      ...runDespiteErrors,
    })
    .prefault({})
    .describe(
      'How the receiver is authenticated. Its certificate is always verified. `caPath` is a PEM file with the certificate authorities to trust (default: those that Node.js trusts). `serverName` is the name that the certificate must be for (default: `host`). `certPath` and `keyPath` are PEM files with a client certificate and its private key, for receivers that require them. The files are read again for each connection, so a renewed certificate needs no restart.',
    )
    .meta({
      valueType: 'object with `caPath`, `serverName`, `certPath` and `keyPath`',
      whenOmitted: 'optional',
    })
}

function createSyslogSchema(context: ConfigSchemaContext) {
  return z
    .strictObject({
      type: z.literal('syslog').describe('The kind of destination.'),
      host: z
        .string()
        .regex(/^[\w.:-]{1,255}$/, {
          error: 'must be a host name or an IP address, without a scheme and without a port',
        })
        .describe('The host name or IP address of the receiver.'),
      port: z.int().min(1).max(maxPort).default(6514).describe('The TCP port of the receiver.'),
      tls: createTlsSchema(context),
      facility: z.enum(facilityNames).default('authpriv').describe('The syslog facility of the messages.'),
      ...selectionSchemas,
    })
    .meta({
      title: 'Syslog',
      description:
        'Each row is a syslog message (RFC 5424) with an ECS event in JSON. Messages are sent over TLS (RFC 5425).',
    })
}

const destinationName = /^[\w-]{1,32}$/

/** An unset secret is no error here, because only the process that sends the rows needs it: see `checkForward`. */
function createDestinationsSchema({ environment, folder }: ConfigSchemaContext) {
  const context = { environment, folder, requiresSecrets: false }
  const destination = z.discriminatedUnion('type', [
    createWebhookSchema(context),
    createSyslogSchema(context),
  ])
  return z
    .record(z.string(), destination, {
      error: 'must be an object with an entry for each destination, by its name',
    })
    .superRefine((destinations, refinement) => {
      for (const name of Object.keys(destinations))
        if (!destinationName.test(name))
          refinement.addIssue({
            code: 'custom',
            path: [name],
            message: 'must be a destination name: 1 to 32 letters, digits, hyphens and underscores',
          })
    }, runDespiteErrors)
}

/** The settings about forwarding. */
export function createForwardSettings(context: ConfigSchemaContext) {
  return {
    forward: createDestinationsSchema(context)
      .default({})
      .describe(
        'Where rows are sent as they are written, each destination under its name. A name has 1 to 32 letters, digits, hyphens and underscores. Lapse stores under this name how far it has sent the rows. See [Forward rows](../guides/forward.md).',
      )
      .meta({
        valueType: 'object of [destinations](#destinations)',
        whenOmitted: 'rows are sent nowhere',
      }),
    forwardInServe: z
      .boolean()
      .default(true)
      .describe(
        'Whether `lapse serve` sends rows to the destinations in `forward`. If `false`, only `lapse forward` sends them, for example on another machine. It does no harm if both run: one process at a time sends to a destination.',
      ),
  }
}

/** A checked destination with all defaults filled in. */
export type CheckedDestination = z.output<ReturnType<typeof createDestinationsSchema>>[string]

interface ForwardFault {
  readonly path: string[]
  readonly message: string
}

/** The values can be of any type, because other settings can be invalid at the same time. */
type Unchecked = Readonly<Record<'forward' | 'forwardInServe' | 'sites', unknown>>

/** Checks the destinations together with the other settings. */
export function checkForward(
  { forward, forwardInServe, sites }: Unchecked,
  refinement: z.core.$RefinementCtx,
  { requiresSecrets }: Pick<ConfigSchemaContext, 'requiresSecrets'>,
): void {
  const faults = [
    ...findUnknownSites(forward, sites),
    ...(requiresSecrets && forwardInServe === true ? findSecretFaults(forward) : []),
  ]
  for (const fault of faults) refinement.addIssue({ code: 'custom', ...fault })
}

function findSecretFaults(forward: unknown): ForwardFault[] {
  return listDestinations(forward).flatMap(([name, destination]) =>
    Object.entries(destination).flatMap(([setting, secret]) =>
      isObject(secret) && 'fault' in secret
        ? [{ path: ['forward', name, setting], message: String(secret.fault) }]
        : [],
    ),
  )
}

function findUnknownSites(forward: unknown, sites: unknown): ForwardFault[] {
  return listDestinations(forward).flatMap(([name, { site }]) =>
    typeof site === 'string' && isObject(sites) && !Object.hasOwn(sites, site)
      ? [{ path: ['forward', name, 'site'], message: 'must be one of the sites in the configuration' }]
      : [],
  )
}

function listDestinations(forward: unknown): [string, Readonly<Record<string, unknown>>][] {
  return Object.entries(isObject(forward) ? forward : {}).flatMap(
    ([name, destination]): [string, Readonly<Record<string, unknown>>][] =>
      isObject(destination) ? [[name, destination]] : [],
  )
}
