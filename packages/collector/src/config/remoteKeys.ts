import {
  createLocalJWKSet,
  createRemoteJWKSet,
  customFetch,
  errors,
  type JWK,
  type JWTVerifyGetKey,
} from 'jose'
import { LapseError } from '../domain/errors.ts'
import { maxKeysInSet, type PublicKeyAlgorithm, publicKeyFault } from './publicKey.ts'

/** Where the public keys of a site are published. */
interface KeySource {
  readonly site: string
  readonly alg: PublicKeyAlgorithm
  /** With a user and a password where the server asks for them. */
  readonly url: URL
}

/** How often the keys are fetched anew. */
const refreshMs = 10 * 60_000
/** How soon they are again, for a ticket that names a key which is not among them. */
const cooldownMs = 30_000
/** Half of the time within which a browser is answered; the write needs the rest. */
const timeoutMs = 2_500
/** A set of 100 RSA keys with their certificates is smaller. */
const maxBytes = 256 * 1024
/** How long a server that gave an unusable answer, or none in time, is left alone: far longer than `timeoutMs`. */
const pauseMs = 10_000
/** A failure that took no longer, such as a refused connection, may be met again by each ticket. */
const quickMs = 250

/**
 * The keys at a URL, fetched when they are first needed, then every ten minutes, and at most twice a minute when a
 * ticket names a key that is not among them. While the URL is down the last ones that were fetched stay good: a key
 * that is withdrawn there is believed until the URL is back.
 *
 * A site that is audited need not be trusted with the collector: what its server answers is bounded in time, size and
 * number of keys, and a redirect is not followed.
 */
export function remoteKeys({ site, alg, url }: KeySource): JWTVerifyGetKey {
  const { username, password } = url
  // `fetch` refuses a URL with a password in it.
  const address = new URL(url)
  address.username = ''
  address.password = ''
  let fetchedAt = Number.NEGATIVE_INFINITY
  const ageMs = () => performance.now() - fetchedAt
  const remote = createRemoteJWKSet(address, {
    timeoutDuration: timeoutMs,
    // jose measures these by a clock that may be set back, and would then fetch nothing until it is past that again.
    cooldownDuration: Number.POSITIVE_INFINITY,
    cacheMaxAge: Number.POSITIVE_INFINITY,
    headers: username || password ? { Authorization: basicAuthorization(username, password) } : {},
    [customFetch]: usableKeysOnly(alg, () => {
      fetchedAt = performance.now()
    }),
  })

  const find: JWTVerifyGetKey = async (header, token) => {
    if (ageMs() >= refreshMs) await remote.reload()
    try {
      return await remote(header, token)
    } catch (failure) {
      if (!(failure instanceof errors.JWKSNoMatchingKey) || ageMs() < cooldownMs) throw failure
      await remote.reload()
      return remote(header, token)
    }
  }

  return async (header, token) => {
    try {
      return await find(header, token)
    } catch (failure) {
      if (isVerdict(failure)) throw failure
      const last = remote.jwks()
      const key = last && (await createLocalJWKSet(last)(header, token).catch(() => undefined))
      if (key) return key
      // The sender of the ticket may be anybody. Where the keys are is for the log.
      throw new LapseError(
        'unavailable',
        `The ticket keys of the site "${site}" could not be fetched. Send the event again later.`,
        {
          cause: new Error(`Fetching ${address.origin}${address.pathname} failed`, { cause: failure }),
          retryAfterSeconds: 30,
        },
      )
    }
  }
}

function basicAuthorization(username: string, password: string): string {
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`
  return `Basic ${Buffer.from(credentials).toString('base64')}`
}

/** What the key set says of the ticket, rather than what keeps it from saying anything. */
function isVerdict(failure: unknown): boolean {
  return (
    failure instanceof errors.JWKSNoMatchingKey ||
    failure instanceof errors.JWKSMultipleMatchingKeys ||
    failure instanceof errors.JOSENotSupported
  )
}

/** A server that answered, but not with a key set that can be used. */
class KeySetError extends Error {
  override readonly name = 'KeySetError'
}

/**
 * Fetches a key set and keeps only its usable keys: one that is broken, private or for another algorithm does not
 * disable the others.
 */
function usableKeysOnly(alg: PublicKeyAlgorithm, onFetched: () => void): typeof fetch {
  let paused: { readonly until: number; readonly failure: unknown } | undefined
  return async (input, init) => {
    const startedAt = performance.now()
    if (paused && startedAt < paused.until) throw paused.failure
    try {
      const response = await fetch(input, init)
      const keys = usableKeys(await readKeySet(response), alg)
      paused = undefined
      onFetched()
      return Response.json({ keys })
    } catch (failure) {
      const now = performance.now()
      if (failure instanceof KeySetError || now - startedAt > quickMs)
        paused = { until: now + pauseMs, failure }
      throw failure
    }
  }
}

async function readKeySet(response: Response): Promise<readonly unknown[]> {
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new KeySetError(`the server answered with the status ${response.status}, not 200`)
  }
  const text = await readText(response)
  const set = parseJson(text)
  const keys = typeof set === 'object' && set !== null && 'keys' in set ? set.keys : undefined
  if (!Array.isArray(keys)) throw new KeySetError('the answer is no JWK set: it has no list of "keys"')
  if (keys.length > maxKeysInSet)
    throw new KeySetError(`the set has ${keys.length} keys, and at most ${maxKeysInSet} are taken`)
  return keys
}

async function readText(response: Response): Promise<string> {
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of response.body ?? []) {
    bytes += chunk.length
    // Leaving the loop cancels the rest of the body.
    if (bytes > maxBytes) throw new KeySetError(`the answer is longer than ${maxBytes} bytes`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new KeySetError('the answer is not JSON')
  }
}

function usableKeys(keys: readonly unknown[], alg: PublicKeyAlgorithm): JWK[] {
  const usable = keys.flatMap((key) => {
    if (typeof key !== 'object' || key === null) return []
    const members = { ...key }
    return publicKeyFault(members, alg) === undefined ? [verificationMembers(members)] : []
  })
  // Without any key all were withdrawn. With none that can be used, something is wrong there.
  if (usable.length === 0 && keys.length > 0)
    throw new KeySetError(`none of the ${keys.length} keys is a public key for ${alg}`)
  return usable
}

/** What a JWK says besides, such as certificates, is left out. */
function verificationMembers(jwk: Readonly<Record<string, unknown>>): JWK {
  const names = ['kty', 'crv', 'x', 'y', 'n', 'e', 'kid', 'alg', 'use', 'key_ops']
  return Object.fromEntries(names.filter((name) => name in jwk).map((name) => [name, jwk[name]]))
}
