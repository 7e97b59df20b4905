import type { Middleware } from './context.ts'
import type { Dependencies } from './dependencies.ts'
import type { Operation } from './openapi/operation.ts'

/** An endpoint: its handler and its documentation. */
export interface Route {
  readonly method: 'get' | 'post' | 'delete'
  /** A pattern of @koa/router, such as `/v1/lapses/:id`. */
  readonly path: string
  /** How `/openapi.json` describes the endpoint. The dashboard's own endpoints are not part of the public API. */
  readonly operation?: Operation
  /** Whether the rate limit of the client's address applies. */
  readonly isRateLimited?: boolean
  /**
   * Sent with all responses, errors included. A handler may send its own value. Caches ignore responses to POST anyway.
   */
  readonly cacheControl?: 'no-store' | 'no-cache'
  readonly handler: (dependencies: Dependencies) => Middleware
}
