import { createPrivateKey, type KeyObject } from 'node:crypto'
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
   * How many reports may wait for the collector. The oldest are dropped if there are more.
   *
   * @default 10_000
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
const defaultMaxQueuedReports = 10_000
const defaultHeartbeat = { minSeconds: 15, maxSeconds: 300 }

/** @throws {LapseServerError} `invalid_option` */
export function checkOptions(options: LapseServerOptions): Settings {
  const { ticketSecret, ticketKey, queue } = options
  const idleTimeoutSeconds = checkSeconds(options.idleTimeoutSeconds, 'idleTimeoutSeconds')
  if (ticketSecret !== undefined && ticketKey !== undefined)
    fail('ticketSecret and ticketKey are both set. Set only one of them.')
  if (ticketSecret !== undefined) checkSecret(ticketSecret)
  return {
    site: checkText(options.site, 'site', "the site's name in the collector's configuration"),
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
  if (!url || !['http:', 'https:'].includes(url.protocol) || url.search || url.hash || url.username)
    return fail(`collector is "${text}". Set it to ${expected}.`)
  return url.href.replace(/\/+$/, '')
}

function checkSecret(secret: unknown): void {
  if (typeof secret === 'string' && Buffer.byteLength(secret) >= minSecretBytes) return
  fail(
    `ticketSecret has fewer than ${minSecretBytes} bytes. Set it to a random secret: openssl rand -base64 32`,
  )
}

function readKey({ alg, key }: TicketKey): KeyObject {
  const types = { EdDSA: ['ed25519'], ES256: ['ec'], RS256: ['rsa'] }
  let keyObject: KeyObject
  try {
    keyObject = typeof key === 'string' ? createPrivateKey(key) : key
  } catch (cause) {
    return fail('ticketKey.key is not a private key in PEM. Check the file that it is read from.', cause)
  }
  const { type, asymmetricKeyType = '', asymmetricKeyDetails } = keyObject
  const isCurveWrong = alg === 'ES256' && asymmetricKeyDetails?.namedCurve !== 'prime256v1'
  if (type !== 'private' || !types[alg]?.includes(asymmetricKeyType) || isCurveWrong)
    return fail(`ticketKey.key is no private key for ${alg}. Set ticketKey.alg to the algorithm of the key.`)
  return keyObject
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
