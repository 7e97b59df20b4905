import { createPrivateKey, KeyObject } from 'node:crypto'
import { LapseServerError } from './errors.ts'

/** The options of `createLapseServer`. */
export interface LapseServerOptions {
  /** The site's name in the collector's configuration. */
  readonly site: string

  /** The collector's origin, such as `https://lapse.acme.com`. */
  readonly collector: string

  /** A token with the scope `write`, from `lapse token create --scope write --site NAME`. */
  readonly token: string | undefined

  /**
   * The secret that signs tickets (HS256), at least 32 bytes in UTF-8. The same secret is in the site's `ticketKeys`.
   * Without it and without `ticketKey`, tags contain no ticket.
   */
  readonly ticketSecret?: string | undefined

  /** A private key that signs tickets, instead of `ticketSecret`. The public key is in the site's `ticketKeys`. */
  readonly ticketKey?: TicketKey | undefined

  /** How long a session may sit idle, in seconds. The same number as the site's `idleTimeoutSeconds`. */
  readonly idleTimeoutSeconds: number

  /** How old a session may become, in seconds. Omit it if there is no such limit. */
  readonly absoluteTimeoutSeconds?: number | undefined

  /**
   * How often one session's activity is reported, in seconds, at most half of the idle timeout.
   *
   * @default a quarter of the idle timeout, between 15 seconds and 5 minutes
   */
  readonly heartbeatSeconds?: number | undefined

  /**
   * A folder for the reports that have not been sent yet, so that they survive a restart. It is created if it is
   * missing. Several processes may share it. Nobody but the application may write to it.
   */
  readonly queue?: string | undefined

  /**
   * How many reports may wait for the collector. If there are more, the oldest activity is dropped, then the oldest ends.
   * A session that stays in use waits once. 100,000 reports take about 50 MB.
   *
   * @default 100_000
   */
  readonly maxQueuedReports?: number | undefined
}

/** A private key that signs tickets. */
export interface TicketKey {
  /** The algorithm of the key. */
  readonly alg: 'EdDSA' | 'ES256' | 'RS256'
  /** The private key in PEM, or a `KeyObject`. */
  readonly key: string | KeyObject
  /** The id of the key in the JWK set. */
  readonly kid?: string | undefined
}

/** The checked options, with all defaults. */
export interface Settings {
  readonly site: string
  /** Without a slash at the end. */
  readonly collector: string
  readonly token: string
  readonly ticketSecret: string | undefined
  readonly ticketKey: (TicketKey & { readonly key: KeyObject }) | undefined
  readonly idleTimeoutSeconds: number
  readonly absoluteTimeoutSeconds: number | undefined
  readonly heartbeatSeconds: number
  readonly queue: string | undefined
  readonly maxQueuedReports: number
}

const minSecretBytes = 32
const defaultMaxQueuedReports = 100_000
const defaultHeartbeat = { minSeconds: 15, maxSeconds: 300 }

/** @throws {LapseServerError} `invalid_option` */
export function checkOptions(options: LapseServerOptions): Settings {
  if (typeof options !== 'object' || options === null) fail('The options are missing. Pass an object.')
  const { ticketSecret, ticketKey, queue } = options
  const idleTimeoutSeconds = checkSeconds(options.idleTimeoutSeconds, 'idleTimeoutSeconds')
  if (ticketSecret !== undefined && ticketKey !== undefined)
    fail('ticketSecret and ticketKey are both set. Set only one of them.')
  if (ticketSecret !== undefined) checkSecret(ticketSecret)
  return {
    site: checkSite(options.site),
    collector: checkCollector(options.collector),
    token: checkToken(options.token),
    ticketSecret,
    ticketKey: ticketKey && { ...ticketKey, key: readKey(ticketKey) },
    idleTimeoutSeconds,
    absoluteTimeoutSeconds:
      options.absoluteTimeoutSeconds === undefined
        ? undefined
        : checkSeconds(options.absoluteTimeoutSeconds, 'absoluteTimeoutSeconds'),
    heartbeatSeconds: chooseHeartbeatSeconds(options.heartbeatSeconds, idleTimeoutSeconds),
    queue: queue === undefined ? undefined : checkText(queue, 'queue', 'the path of a folder'),
    maxQueuedReports: checkCount(options.maxQueuedReports ?? defaultMaxQueuedReports),
  }
}

function fail(message: string, cause?: unknown): never {
  throw new LapseServerError('invalid_option', message, cause === undefined ? {} : { cause })
}

function checkText(value: unknown, name: string, expected: string): string {
  if (typeof value === 'string' && value !== '') return value
  return fail(`${name} is ${describe(value)}. Set it to ${expected}.`)
}

function checkSite(value: unknown): string {
  const expected = "the site's name in the collector's configuration"
  const site = checkText(value, 'site', expected)
  if (!/^[\w-]{1,64}$/.test(site))
    fail(`site is not valid. Set it to ${expected}: 1 to 64 letters, digits, hyphens and underscores.`)
  return site
}

function checkToken(value: unknown): string {
  const how = 'a token with the scope "write": lapse token create --scope write --site NAME'
  const token = checkText(value, 'token', how).trim()
  // Anything else would be an invalid header, or smuggle another one.
  if (!/^[\x21-\x7e]+$/.test(token)) fail(`token contains spaces or control characters. Set it to ${how}.`)
  return token
}

function checkCollector(value: unknown): string {
  const expected = 'the origin of the collector, such as https://lapse.acme.com'
  const text = checkText(value, 'collector', expected)
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.username || url?.password)
    return fail(`collector contains a user or a password, which pages would show. Set it to ${expected}.`)
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.search || url.hash)
    return fail(`collector is "${text}". Set it to ${expected}.`)
  return (url.origin + url.pathname).replace(/\/+$/, '')
}

function checkSecret(secret: unknown): void {
  if (typeof secret === 'string' && Buffer.byteLength(secret) >= minSecretBytes) return
  fail(
    `ticketSecret has fewer than ${minSecretBytes} bytes. Set it to a random secret: openssl rand -base64 32`,
  )
}

const minRsaBits = 2048

function readKey({ alg, key }: TicketKey): KeyObject {
  const keyObject = parseKey(key)
  const { type, asymmetricKeyType, asymmetricKeyDetails = {} } = keyObject
  const { namedCurve, modulusLength = 0 } = asymmetricKeyDetails
  const isKeyFor = {
    EdDSA: asymmetricKeyType === 'ed25519',
    ES256: asymmetricKeyType === 'ec' && namedCurve === 'prime256v1',
    RS256: asymmetricKeyType === 'rsa' && modulusLength >= minRsaBits,
  }
  if (type === 'private' && Object.hasOwn(isKeyFor, alg) && isKeyFor[alg]) return keyObject
  return fail(
    `ticketKey.key is not a private key for ${alg}. Use Ed25519 for EdDSA, P-256 for ES256, and RSA with at least ${minRsaBits} bits for RS256.`,
  )
}

function parseKey(key: unknown): KeyObject {
  if (key instanceof KeyObject) return key
  try {
    return createPrivateKey(checkText(key, 'ticketKey.key', 'a private key in PEM'))
  } catch (cause) {
    if (cause instanceof LapseServerError) throw cause
    return fail('ticketKey.key is not a private key in PEM. Check the file that it is read from.', cause)
  }
}

function checkSeconds(value: unknown, name: string): number {
  if (typeof value === 'number' && Number.isInteger(value) && value > 0) return value
  return fail(`${name} is ${describe(value)}. Set it to a whole number of seconds.`)
}

function checkCount(value: unknown): number {
  if (typeof value === 'number' && Number.isInteger(value) && value > 0) return value
  return fail(`maxQueuedReports is ${describe(value)}. Set it to a whole number above 0.`)
}

function chooseHeartbeatSeconds(option: number | undefined, idleTimeoutSeconds: number): number {
  const { minSeconds, maxSeconds } = defaultHeartbeat
  const chosen = option ?? Math.min(maxSeconds, Math.max(minSeconds, idleTimeoutSeconds / 4))
  if (typeof chosen !== 'number' || !(chosen > 0))
    return fail(`heartbeatSeconds is ${describe(chosen)}. Set it to a number of seconds above 0.`)
  return Math.min(chosen, idleTimeoutSeconds / 2)
}

/** Describes a wrong value without showing it: it might be a secret. */
function describe(value: unknown): string {
  if (value === undefined) return 'not set'
  if (value === '') return 'empty'
  return typeof value === 'number' ? String(value) : `not valid (${value === null ? 'null' : typeof value})`
}
