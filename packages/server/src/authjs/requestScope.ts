import { AsyncLocalStorage } from 'node:async_hooks'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** A request, the same in all frameworks. */
export interface WatchedRequest {
  /** The HTTP method. */
  readonly method: string
  /** The URL. Behind a proxy, its host can be wrong. */
  readonly url: URL
  /** The headers of the request. */
  readonly headers: Headers
}

const longResponseMs = 1000

const scopes = new AsyncLocalStorage<RequestScope>()

/** What the hooks of one request have to know of each other. Auth.js does not pass them the request. */
export class RequestScope {
  readonly request: WatchedRequest
  /** Whether the user is allowed to sign in, so that a session is created next. */
  isSigningIn = false
  /** Reports the session that the browser has had until now as displaced. */
  displaceEarlier: (() => void) | undefined
  /** By session, so that several reads in one request are one activity. */
  readonly #waiting = new Map<string, (cookieNames: ReadonlySet<string>) => void>()
  #cookieNames: ReadonlySet<string> | undefined

  constructor(request: WatchedRequest) {
    this.request = request
  }

  /** Calls back once it is known which cookies the response sets. */
  whenAnswered(session: string, callback: (cookieNames: ReadonlySet<string>) => void): void {
    if (this.#cookieNames) callback(this.#cookieNames)
    else this.#waiting.set(session, callback)
  }

  /** @param setCookies the values of the header `Set-Cookie`. */
  answer(setCookies: readonly string[]): void {
    this.#cookieNames = new Set(setCookies.flatMap(readCookieName))
    for (const callback of this.#waiting.values()) callback(this.#cookieNames)
    this.#waiting.clear()
  }
}

/** Returns nothing outside of `watchRequest` and `watchFetch`. */
export function getRequestScope(): RequestScope | undefined {
  return scopes.getStore()
}

/**
 * Middleware for Express, Connect and others with Node.js's requests. Put it before everything that reads the session.
 *
 * With it, Lapse knows which responses extend a session: only those that set its cookie do. It also sees that a user signs
 * in while signed in.
 *
 * @example
 * ```ts
 * app.use(watchRequest)
 * app.use('/auth', ExpressAuth(auth))
 * ```
 */
export function watchRequest(
  request: IncomingMessage & { readonly originalUrl?: string },
  response: ServerResponse,
  next: (error?: unknown) => void,
): void {
  const scope = new RequestScope({
    method: request.method ?? 'GET',
    url: parseUrl(request.originalUrl ?? request.url),
    headers: readHeaders(request),
  })
  const check = () => {
    if (!response.headersSent) return
    clearInterval(timer)
    const setCookies = response.getHeader('set-cookie') ?? []
    scope.answer(Array.isArray(setCookies) ? setCookies : [String(setCookies)])
  }
  // A response that takes longer, such as a stream of events, extends the session before it is finished.
  const timer = setInterval(check, longResponseMs).unref()
  response.once('close', () => {
    clearInterval(timer)
    check()
  })
  scopes.run(scope, next)
}

/**
 * The same as `watchRequest` for frameworks with the `Request` and `Response` of the Fetch API, such as SvelteKit and
 * Next.js.
 *
 * @param handle handles the request.
 * @returns what `handle` returns. Middleware can return nothing.
 *
 * @example
 * ```ts
 * export const POST = (request) => watchFetch(request, () => handlers.POST(request))
 * ```
 */
export async function watchFetch<Answer extends Response | undefined>(
  request: Request,
  handle: () => Answer | PromiseLike<Answer>,
): Promise<Answer> {
  const { method, url, headers } = request
  const scope = new RequestScope({ method, url: parseUrl(url), headers })
  const response = await scopes.run(scope, handle)
  scope.answer(response?.headers.getSetCookie() ?? [])
  return response
}

/** A URL that cannot be parsed, such as `//`, must not fail the request. */
function parseUrl(url = '/'): URL {
  return URL.parse(url, 'http://localhost') ?? new URL('http://localhost')
}

function readHeaders({ headers }: IncomingMessage): Headers {
  const entries = Object.entries(headers)
    // The pseudo-headers of HTTP/2, such as `:path`.
    .filter(([name]) => !name.startsWith(':'))
    .flatMap(([name, values]) => [values ?? []].flat().map((value): [string, string] => [name, value]))
  return new Headers(entries)
}

/** Deleting a cookie, with an empty value, does not count. A large cookie has several parts: `NAME.0`, `NAME.1`. */
function readCookieName(setCookie: string): string[] {
  const [, name, value] = /^\s*([^=;]+?)(?:\.\d+)?\s*=\s*([^;]*)/.exec(setCookie) ?? []
  return name !== undefined && value ? [name] : []
}
