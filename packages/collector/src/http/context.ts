import type Koa from 'koa'
import type { Logger } from 'pino'

export interface State {
  /** Names one request in the log and in the `X-Request-Id` of its answer. */
  requestId: string
  /** The client's address: of the socket, or what the trusted proxies say. Empty where they do not say it. */
  address: string
  /** Every address from the socket's to the client's, as far as it is known. */
  hops: readonly [string, ...string[]]
  /** Whether the socket is that of a trusted proxy. */
  isProxied: boolean
  /** By what scheme, host and port the client knows this collector, as far as it can be told. */
  origin: string
  /** The path that is asked for; nothing if the target of the request cannot be read. */
  path: string | undefined
  /** Fields that the handlers add to the request's line in the log. */
  logged: Record<string, unknown>
  log: Logger
}

export type Context = Koa.ParameterizedContext<State>
export type Middleware = Koa.Middleware<State>
