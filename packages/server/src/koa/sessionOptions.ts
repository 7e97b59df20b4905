import type { Context } from 'koa'

/** What koa-session passes to a store. */
export interface KoaStoreOptions {
  /** The option `rolling` of koa-session. */
  readonly rolling: boolean
  /** Whether the session's data has changed. */
  readonly changed?: boolean
  /** The context of the request. */
  readonly ctx?: Context
}

/** An external store of koa-session. */
export interface KoaSessionStore {
  /** Reads the data of a session. */
  get(key: string, maxAge: number, options: KoaStoreOptions): unknown
  /** Stores the data of a session. */
  set(key: string, data: Readonly<Record<string, unknown>>, maxAge: number, options: KoaStoreOptions): unknown
  /** Deletes a session. */
  destroy(key: string, options: KoaStoreOptions): unknown
}

/** Session data, contexts and stores, whose types koa-session leaves to the application. */
// biome-ignore lint/suspicious/noExplicitAny: so that the application need not repeat them
type Unchecked = any

/** The options of koa-session, as far as Lapse uses them. All others are passed on. */
export interface KoaSessionOptions {
  /** The name of the cookie. */
  readonly key?: string | undefined
  /** How long a session lives without being extended, in milliseconds. */
  readonly maxAge?: number | 'session' | undefined
  /** Whether every response that uses the session extends it. */
  readonly rolling?: boolean | undefined
  /** Whether the cookie is signed. */
  readonly signed?: boolean | undefined
  /** Where sessions are stored, if not in the cookie. */
  readonly store?: KoaSessionStore | undefined
  /** A class of which koa-session creates a store for each request. */
  readonly ContextStore?: Unchecked
  /** Decodes the cookie. */
  readonly decode?: ((cookie: string) => Unchecked) | undefined
  /** Says whether the session is valid. One that is not is reported as revoked. */
  readonly valid?: ((ctx: Unchecked, data: Unchecked) => unknown) | undefined
  /** Called before the session is saved. */
  readonly beforeSave?: ((ctx: Unchecked, session: Unchecked) => void) | undefined
}

/** The defaults of koa-session. */
export const defaultKey = 'koa.sess'
export const defaultMaxAgeMs = 86_400_000
