import { createLocalJWKSet, createRemoteJWKSet, errors, type JWTVerifyGetKey } from 'jose'
import type { Config } from './config.ts'
import { LapseError } from './lapse/error.ts'
import type { TicketKey } from './lapse/ticket.ts'

type WrittenKey = Config['sites'][string]['ticketKeys'][number]

/** Makes the keys of a site's tickets ready, once: importing one costs more than verifying with it. */
export function prepareTicketKeys(written: readonly WrittenKey[]): Promise<TicketKey[]> {
  return Promise.all(written.map(prepare))
}

async function prepare(written: WrittenKey): Promise<TicketKey> {
  const { alg } = written
  if ('secret' in written) {
    const secret = new TextEncoder().encode(written.secret)
    const algorithm = { name: 'HMAC', hash: 'SHA-256' }
    return { alg, key: await crypto.subtle.importKey('raw', secret, algorithm, false, ['verify']) }
  }
  const { jwks, jwksUrl = '' } = written
  return { alg, key: jwks ? createLocalJWKSet(jwks) : remoteKeys(jwksUrl) }
}

const minute = 60_000

/**
 * The keys at a URL, fetched when they are first needed, then every ten minutes, and at most twice a minute when a
 * ticket names a key that is not among them. While the URL is down the last ones that were fetched stay good: a key
 * that is withdrawn there is believed until the URL is back.
 */
function remoteKeys(url: string): JWTVerifyGetKey {
  // Half of the time within which a browser is answered; the write needs the rest.
  const timeoutDuration = 2_500
  const remote = createRemoteJWKSet(new URL(url), {
    timeoutDuration,
    cooldownDuration: minute / 2,
    cacheMaxAge: 10 * minute,
  })
  return async (header, token) => {
    try {
      return await remote(header, token)
    } catch (failure) {
      if (isVerdict(failure)) throw failure
      const last = remote.jwks()
      const key = last && (await createLocalJWKSet(last)(header, token).catch(() => undefined))
      if (key) return key
      throw new LapseError(
        'unavailable',
        `The keys at ${url} could not be fetched. Send the event again later.`,
        { cause: failure, retryAfterSeconds: 30 },
      )
    }
  }
}

/** What the key set says of the ticket, rather than what keeps it from saying anything. */
function isVerdict(failure: unknown): boolean {
  return (
    failure instanceof errors.JWKSNoMatchingKey ||
    failure instanceof errors.JWKSMultipleMatchingKeys ||
    failure instanceof errors.JOSENotSupported
  )
}
