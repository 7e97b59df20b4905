import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type JWK,
  type JWTVerifyGetKey,
} from 'jose'
import { minuteMs } from '../domain/durations.ts'
import { LapseError } from '../domain/errors.ts'
import { parseJson } from '../domain/text/parseJson.ts'
import { describePublicKeyFault, maxKeysInSet, type PublicKeyAlgorithm } from './publicKey.ts'

/** Where a site publishes its public keys. */
interface KeySource {
  readonly site: string
  readonly alg: PublicKeyAlgorithm
  /** Includes a user name and password if the server requires them. */
  readonly url: URL
}

/** How often the keys are fetched again. */
const refreshMs = 10 * minuteMs
/** The minimum time between two fetches that unknown keys in tickets cause. */
const cooldownMs = 30_000
/** Half of the time within which a report is answered. The other half is for storing the row. */
const timeoutMs = 2_500
/** More than a set of 100 RSA keys with their certificates needs. */
const maxBytes = 256 * 1024
/** How long to wait before asking a server again after an unusable or late response. Much longer than `timeoutMs`. */
const pauseMs = 10_000
const retryAfterSeconds = 30
/** A failure within this time, such as a refused connection, is cheap, so each ticket may try again. */
const cheapFailureMs = 250

/**
 * Looks up keys in a JWK set at a URL. It is fetched when it is first needed, then every ten minutes, and at most twice
 * a minute when a ticket names an unknown key. While the URL is unavailable, the last keys remain valid, even those
 * that the site has withdrawn in the meantime.
 *
 * A site's server is not trusted: its responses are limited in time, size and number of keys, and redirects are not
 * followed.
 */
export function createRemoteKeys({ site, alg, url }: KeySource): JWTVerifyGetKey {
  const { username, password } = url
  // `fetch` refuses a URL that contains a password.
  const address = new URL(url)
  address.username = ''
  address.password = ''
  let fetchedAt = Number.NEGATIVE_INFINITY
  const getAgeMs = () => performance.now() - fetchedAt
  const remote = createRemoteJWKSet(address, {
    timeoutDuration: timeoutMs,
    // jose measures these by the wall clock. If that clock were set back, jose would fetch nothing for a long time.
    cooldownDuration: Number.POSITIVE_INFINITY,
    cacheMaxAge: Number.POSITIVE_INFINITY,
    headers: username || password ? { Authorization: formatBasicAuthorization(username, password) } : {},
    [customFetch]: createKeySetFetch(alg, () => {
      fetchedAt = performance.now()
    }),
  })

  const findKey: JWTVerifyGetKey = async (header, token) => {
    if (getAgeMs() >= refreshMs) await remote.reload()
    try {
      return await remote(header, token)
    } catch (failure) {
      if (!(failure instanceof errors.JWKSNoMatchingKey) || getAgeMs() < cooldownMs) throw failure
      await remote.reload()
      return remote(header, token)
    }
  }

  return async (header, token) => {
    try {
      return await findKey(header, token)
    } catch (failure) {
      if (isAboutTicket(failure)) throw failure
      const lastSet = remote.jwks()
      const key = lastSet && (await createLocalJWKSet(lastSet)(header, token).catch(() => undefined))
      if (key) return key
      // Anyone can send a ticket, so the URL is in the log only.
      throw new LapseError(
        'unavailable',
        `The ticket keys of site "${site}" could not be fetched. Send the report again later.`,
        {
          cause: new Error(`Fetching ${address.origin}${address.pathname} failed`, { cause: failure }),
          retryAfterSeconds,
        },
      )
    }
  }
}

function formatBasicAuthorization(username: string, password: string): string {
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return `Basic ${Buffer.from(credentials).toString('base64')}`
}

/** Returns whether a failure is about the ticket, not about fetching the keys. */
function isAboutTicket(failure: unknown): boolean {
  return (
    failure instanceof errors.JWKSNoMatchingKey ||
    failure instanceof errors.JWKSMultipleMatchingKeys ||
    failure instanceof errors.JOSENotSupported
  )
}

/** A server that responded, but not with a usable key set. */
class KeySetError extends Error {
  override readonly name = 'KeySetError'
}

/**
 * Creates a `fetch` that returns only the usable keys of a set. A key that is broken, private or for another algorithm
 * does not disable the others.
 */
function createKeySetFetch(alg: PublicKeyAlgorithm, onFetched: () => void): typeof fetch {
  let pause: { readonly until: number; readonly failure: unknown } | undefined
  return async (input, init) => {
    const startedAt = performance.now()
    if (pause && startedAt < pause.until) throw pause.failure
    try {
      const response = await fetch(input, init)
      const keys = selectUsableKeys(await readKeySet(response), alg)
      pause = undefined
      onFetched()
      return Response.json({ keys })
    } catch (failure) {
      const now = performance.now()
      if (failure instanceof KeySetError || now - startedAt > cheapFailureMs)
        pause = { until: now + pauseMs, failure }
      throw failure
    }
  }
}

async function readKeySet(response: Response): Promise<readonly unknown[]> {
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new KeySetError(`the server responded with status ${response.status}, not 200`)
  }
  const set = parseJson(await readText(response))
  if (set === undefined) throw new KeySetError('the response is not JSON')
  const keys = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : undefined
  if (!Array.isArray(keys)) throw new KeySetError('the response is not a JWK set: "keys" is not an array')
  if (keys.length > maxKeysInSet)
    throw new KeySetError(`the JWK set has ${keys.length} keys; at most ${maxKeysInSet} are allowed`)
  return keys
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    // Leaving the loop cancels the rest of the body.
    if (bytes > maxBytes) throw new KeySetError(`the response is longer than ${maxBytes} bytes`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

function selectUsableKeys(keys: readonly unknown[], alg: PublicKeyAlgorithm): JWK[] {
  const usable = keys.flatMap((key) => {
    if (typeof key !== 'object' || key === null) return []
    const members = { ...key }
    return describePublicKeyFault(members, alg) === undefined ? [pickVerificationMembers(members)] : []
  })
  // An empty set means that the site withdrew all keys. If there are keys but none is usable, the server is
  // misconfigured.
  if (usable.length === 0 && keys.length > 0)
    throw new KeySetError(`none of the ${keys.length} keys is a public key for ${alg}`)
  return usable
}

/** Omits everything that verification does not need, such as certificates. */
function pickVerificationMembers(jwk: Readonly<Record<string, unknown>>): JWK {
  const names = ['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'alg', 'use', 'key_ops']
  return Object.fromEntries(names.filter((name) => name in jwk).map((name) => [name, jwk[name]]))
}
