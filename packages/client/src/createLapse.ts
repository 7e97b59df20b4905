import Cookies from 'js-cookie'
import { watchAccess } from './access.ts'
import { type Client, tell } from './client.ts'
import { newMarker, rawMarker, readMarker, writeMarker } from './marker.ts'
import type { AbsentOptions, Identity, LapseOptions, LogoutOptions, Pending, Verdict } from './options.ts'
import { flush } from './outbox.ts'
import { report } from './report.ts'
import { hasSession } from './session.ts'
import { settle, touch } from './touch.ts'

/** False on a server, where there is nothing to do. */
const hasPage = typeof document === 'object'

/** The client of one site. No method throws; what goes wrong is told to `onError`. */
export interface Lapse {
  /**
   * The host's word that this page has a session. Makes or refreshes the marker, and watches for accesses. If the
   * marker belongs to another session (`session` differs or, where one of the two is unknown, `subject`), that
   * session has lapsed unseen: it is reported first.
   *
   * ```ts
   * lapse.active({ subject: 'u_42', session: 'a1f…' })
   * ```
   */
  active(identity?: Identity): void
  /**
   * The host's word that this page has no session; with `session` the client looks for itself. If there is a marker,
   * the session lapsed, and that is reported.
   *
   * ```ts
   * const lapsed = await lapse.absent()
   * if (lapsed?.reason === 'idle_timeout') showMessage()
   * ```
   *
   * @returns null if nothing lapsed, the collector's verdict, or `{ pending: true }` while the collector is out of
   * reach: the lapse is kept, and sent later.
   */
  absent(options?: AbsentOptions): Promise<Verdict | Pending | null>
  /**
   * The host's word that the user signs out: no lapse will be seen. With `report` the collector records `logout`.
   */
  logout(options?: LogoutOptions): void
  /** One more access that the client can't see. Only ever moves an existing marker. */
  touch(): void
  /** Takes the observers away. */
  stop(): void
}

/**
 * Creates the client of one site. Nothing happens on a server.
 *
 * ```ts
 * const lapse = createLapse({ site: 'acme', collector: 'https://lapse.acme.com' })
 * ```
 */
export function createLapse(options: LapseOptions): Lapse {
  const { site, cookie: { name = `lapse-${site}`, days = 30, ...attributes } = {} } = options
  const stopper = new AbortController()
  const client: Client = {
    touchOn: ['load', 'request'],
    ...options,
    name,
    // Browsers keep a cookie for 400 days at most.
    days: Math.min(days, 400),
    prefix: `lapse:${site}:`,
    url: `${options.collector.replace(/\/$/, '')}/v1/lapses`,
    signal: stopper.signal,
    cookies: Cookies
      // The query string is safe in a cookie as it is. Encoded once more, only this client could read it.
      .withConverter<string>({ read: (value) => value, write: (value) => value })
      .withAttributes({ sameSite: 'lax', secure: hasPage && location.protocol === 'https:', ...attributes }),
    watching: false,
    accessAt: 0,
  }

  /**
   * Makes a method of what the host or the browser says. It waits out prerendering, nothing escapes from it, and it
   * can tell whether the marker is still what it was when that was said.
   */
  const method =
    <Said, Result>(act: (said: Said | undefined, fresh: () => boolean) => Result) =>
    async (said?: Said): Promise<NonNullable<Awaited<Result>> | null> => {
      try {
        if (!hasPage) return null
        const before = rawMarker(client)
        // Not every engine, nor TypeScript's library, knows it.
        if ((document as { prerendering?: boolean }).prerendering) {
          await new Promise((done) => document.addEventListener('prerenderingchange', done))
        }
        return (await act(said, () => rawMarker(client) === before)) ?? null
      } catch (error) {
        tell(client, `${error}`, error)
        return null
      }
    }

  const retry = method((page: Partial<PageTransitionEvent> | undefined) => {
    settle(client)
    // Out of the browser's cache, the page has asked the server for nothing.
    if (page?.persisted) touch(client, true)
    return flush(client)
  })
  method(() => {
    for (const type of ['online', 'pageshow', 'visibilitychange']) addEventListener(type, retry, client)
    watchAccess(client)
    return retry(client)
  })()

  return {
    active: method(async ({ session: sid, subject: sub, ticket }: Identity = {}, fresh) => {
      // A prerendered page's word is older than what other tabs have done since.
      if (fresh()) {
        let marker = readMarker(client)
        if (marker && (marker.sid && sid ? marker.sid !== sid : marker.sub && sub && marker.sub !== sub)) {
          const reported = report(client, 'new_session')
          // Still there, it waits for the collector: a new marker must not take its place.
          if (rawMarker(client) && (await reported)?.pending) return
          marker = readMarker(client)
        }
        marker ??= newMarker()
        writeMarker(client, {
          ...marker,
          ...(client.touchOn.includes('load') && { at: Math.max(Number(marker.at), Date.now()) }),
          ...(sid && { sid }),
          ...(sub && { sub }),
          ...(ticket && { ticket }),
        })
      }
      client.watching = true
    }),

    absent: method(async ({ session }: AbsentOptions = {}, fresh) => {
      if (session && (await hasSession(session)) !== false) return null
      // Meanwhile another tab may have signed in: the page's word is older than the marker.
      return fresh() ? report(client, 'login_page') : null
    }),

    logout: method((options: LogoutOptions | undefined) => {
      const reported = options?.report && report(client, 'logout')
      client.watching = false
      client.cookies.remove(name)
      return reported
    }),

    touch: method(() => touch(client)),

    stop() {
      client.watching = false
      stopper.abort()
    },
  }
}
