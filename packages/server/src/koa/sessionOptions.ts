import type { Context } from 'koa'

/** What koa-session passes to a store. */
export interface KoaStoreOptions {
  readonly rolling: boolean
  readonly changed?: boolean
  /** The context of the request. */
  readonly ctx?: Context
}

/** An external store of koa-session. */
export interface KoaSessionStore {
  get(key: string, maxAge: number, options: KoaStoreOptions): unknown
  set(key: string, data: Readonly<Record<string, unknown>>, maxAge: number, options: KoaStoreOptions): unknown
  destroy(key: string, options: KoaStoreOptions): unknown
}

/** The options of koa-session, as far as Lapse uses them. The times are in milliseconds. */
export interface KoaSessionOptions {
  readonly key?: string | undefined
  readonly maxAge?: number | 'session' | undefined
  readonly rolling?: boolean | undefined
  readonly signed?: boolean | undefined
  readonly store?: KoaSessionStore | undefined
  // koa-session leaves the types of these to the application.
  // biome-ignore lint/suspicious/noExplicitAny: a class with any methods
  readonly ContextStore?: any
  // biome-ignore lint/suspicious/noExplicitAny: any session data
  readonly decode?: ((cookie: string) => any) | undefined
  // biome-ignore lint/suspicious/noExplicitAny: any context, any session data
  readonly valid?: ((ctx: any, data: any) => unknown) | undefined
  // biome-ignore lint/suspicious/noExplicitAny: any context, any session model
  readonly beforeSave?: ((ctx: any, session: any) => void) | undefined
}

/** The defaults of koa-session. */
export const defaultKey = 'koa.sess'
export const defaultMaxAgeMs = 86_400_000
