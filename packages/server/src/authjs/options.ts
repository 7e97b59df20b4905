import type { AuthConfig } from '@auth/core'
import type { JWT } from '@auth/core/jwt'
import type { Account, User } from '@auth/core/types'
import type { EndReason } from '../reports.ts'
import type { WatchedRequest } from './requestScope.ts'

/** The part of an Auth.js configuration that `withLapse` reads. The configuration of every framework has it. */
export type AuthOptions = Pick<
  AuthConfig,
  'adapter' | 'callbacks' | 'cookies' | 'events' | 'jwt' | 'secret' | 'session'
>

/** The options of `withLapse`. All of them are optional. */
export interface WithLapseOptions {
  /**
   * Returns the opaque id of the user at sign-in, if it is not Auth.js's own. Only with the strategy `jwt`: with the
   * strategy `database`, it is the row's `userId`.
   *
   * @default `user.id`, or `PROVIDER:ACCOUNT` with an OAuth provider and no adapter: in this case Auth.js makes up another
   * `user.id` at each sign-in.
   */
  readonly subject?: ((who: SignedInUser) => string | number) | undefined

  /**
   * Whether a request that reads the session counts as activity. Return `false` for requests that read the session
   * without extending it. `request` is undefined outside of `watchRequest` and `watchFetch`.
   *
   * @default `() => true`
   */
  readonly isActivity?: ((request: WatchedRequest | undefined) => boolean) | undefined

  /**
   * Says why the application's `jwt` callback returned `null` for a token. Only with the strategy `jwt`.
   *
   * @default `() => 'revoked'`
   */
  readonly refusalReason?: ((token: JWT) => EndReason) | undefined
}

/** Who has signed in. */
export interface SignedInUser {
  /** The user, from the adapter or the provider. */
  readonly user: User
  /** The account at the provider. */
  readonly account?: Account | null | undefined
  /** The token that Auth.js is about to issue. */
  readonly token: JWT
}

/** Thirty days: the default of Auth.js. */
const defaultMaxAgeSeconds = 30 * 24 * 60 * 60
/** One day: the default of Auth.js. */
const defaultUpdateAgeSeconds = 24 * 60 * 60

/** The lifetime of sessions, and how often a session in a database is extended, in milliseconds. */
export function readLifetimes({ session }: AuthOptions): {
  readonly maxAgeMs: number
  readonly updateAgeMs: number
} {
  return {
    maxAgeMs: (session?.maxAge ?? defaultMaxAgeSeconds) * 1000,
    updateAgeMs: (session?.updateAge ?? defaultUpdateAgeSeconds) * 1000,
  }
}

/** Lists the names that the session's cookie can have. */
export function listSessionCookieNames({ cookies }: AuthOptions): readonly string[] {
  const name = cookies?.sessionToken?.name
  return name === undefined ? ['authjs.session-token', '__Secure-authjs.session-token'] : [name]
}
