import type Koa from 'koa'
import type { Logger } from 'pino'

export interface State {
  /** Identifies the request in the log and in the `X-Request-Id` header of the response. */
  requestId: string
  /** The client's IP address: the socket's, or the one that trusted proxies report. Empty if they do not report it. */
  address: string
  /** All known addresses from the socket's to the client's. */
  hops: readonly [string, ...string[]]
  /** Whether the socket belongs to a trusted proxy. */
  isProxied: boolean
  /** The collector's own origin as the client sees it, such as `https://lapse.acme.com`. */
  origin: string
  /** The requested path; undefined if the request target is not a valid URL. */
  path: string | undefined
  /** Fields that handlers add to the request's log line. */
  logFields: Record<string, unknown>
  log: Logger
}

export type Context = Koa.ParameterizedContext<State>
export type Middleware = Koa.Middleware<State>
