import { createActivityRecorder } from './activity/activityRecorder.ts'
import { createActivityReporter } from './activity/activityReporter.ts'
import { observeInteractions } from './activity/observeInteractions.ts'
import { observeRequests } from './activity/observeRequests.ts'
import { createMarker, type Marker } from './marker/marker.ts'
import { createMarkerCookie } from './marker/markerCookie.ts'
import { createEndReport } from './outbox/createEndReport.ts'
import { createOutbox } from './outbox/outbox.ts'
import { checkSession } from './page/checkSession.ts'
import { findLoadTime } from './page/findLoadTime.ts'
import { isPrerendering, whenActivated } from './page/whenActivated.ts'
import { createEmitError } from './shared/emitError.ts'
import { defaultCookieDays, maxCookieDays } from './shared/limits.ts'
import { msPerSecond, secondsPerDay } from './shared/time.ts'
import type { DetectedBy } from './types/endReport.ts'
import type { AbsentOptions, Identity, Lapse, LogoutOptions } from './types/lapse.ts'
import type { LapseOptions } from './types/options.ts'
import type { Outcome } from './types/verdict.ts'

/** On a server there is no session to watch. */
const serverLapse: Lapse = {
  active() {},
  absent: async () => null,
  logout: async () => null,
  touch() {},
  stop() {},
}

/**
 * Creates the client of one site. On a server it does nothing.
 *
 * @example
 * ```ts
 * import { createLapse } from '@lapse/client'
 *
 * const lapse = createLapse({ site: 'acme', collector: 'https://lapse.acme.com', idleTimeoutSeconds: 1800 })
 * lapse.active({ subject: 'u_42', session: 'a1f…' })
 * ```
 */
export function createLapse(options: LapseOptions): Lapse {
  return typeof document === 'object' ? createPageLapse(options) : serverLapse
}

/**
 * Creates the client of one site on a page.
 *
 * @param loadedAt when the server sent what the page states, in epoch milliseconds; 0 if it came from the browser's
 * cache. Then its load may not have used the session.
 * @param isWatching whether activity counts, because the application has stated that there is a session
 */
export function createPageLapse(options: LapseOptions, loadedAt = findLoadTime(), isWatching = false): Lapse {
  const {
    collector,
    site,
    idleTimeoutSeconds,
    heartbeatSeconds,
    touchOn = 'load,request',
    requests,
    cookie: { name = `lapse-${site}`, days = defaultCookieDays, ...cookieAttributes } = {},
    onError,
  } = options
  const maxAgeSeconds = Math.min(days, maxCookieDays) * secondsPerDay
  const endpoints = `${collector.replace(/\/$/, '')}/v1/`
  const stopper = new AbortController()
  const { signal } = stopper

  const emitError = createEmitError(onError)
  const markerCookie = createMarkerCookie(name, maxAgeSeconds, cookieAttributes, emitError)
  const activity = createActivityRecorder(markerCookie, idleTimeoutSeconds)
  const outbox = createOutbox(site, `${endpoints}lapses`, maxAgeSeconds * msPerSecond, emitError, synchronize)

  const reporter = heartbeatSeconds
    ? createActivityReporter(
        site,
        `${endpoints}activity`,
        name,
        heartbeatSeconds,
        activity,
        emitError,
        signal,
      )
    : undefined

  /** The aliases that this page has stated, or whose end it has reported. */
  const knownAliases = new Set<string | undefined>()

  /**
   * Runs an action, after prerendering if the page is being prerendered. Passes exceptions to `onError`.
   *
   * The action receives a function that returns whether the marker is unchanged since `run` was called. If it has
   * changed, another tab has newer information than this page.
   */
  async function run<Result>(
    action: (isCurrent: () => boolean) => Result,
  ): Promise<NonNullable<Awaited<Result>> | null> {
    try {
      const before = markerCookie.readMarkerText()
      // Without prerendering, run the action synchronously: the user may leave the page right after the call.
      if (isPrerendering()) await whenActivated()
      return (await action(() => markerCookie.readMarkerText() === before)) ?? null
    } catch (error) {
      emitError('unexpected', error)
      return null
    }
  }

  /** Reports that the session of the current marker has ended. Returns `undefined` if there is no marker. */
  async function reportEnd(
    detectedBy: DetectedBy,
    logoutOptions?: LogoutOptions,
  ): Promise<Outcome | undefined> {
    const marker = activity.endActivity(logoutOptions)
    if (!marker) return
    knownAliases.add(marker.sid)
    if (logoutOptions) reporter?.endReports(marker)
    const report = createEndReport(site, marker, detectedBy, markerCookie, logoutOptions)
    // Another tab may have started a new session in the meantime. Its marker must stay.
    const removeReportedMarker = () => {
      if (markerCookie.readMarker()?.id === marker.id) markerCookie.removeMarker()
    }
    // If the report could not be stored, the marker stays and waits for the collector instead. After a logout it must
    // not stay, because the next page would report another reason.
    if (outbox.addReport(report) || logoutOptions) removeReportedMarker()
    const outcome = await outbox.sendNewReport(report)
    if (!outcome?.pending) removeReportedMarker()
    return outcome
  }

  function recordActivity(isCertain?: boolean) {
    activity.recordActivity(isCertain)
    reporter?.noteActivity()
  }

  /**
   * Saves the last activity and sends the reports that are due. Without an event, it sends no activity report, because
   * `active()` and the timer of the reporter do.
   */
  function synchronize(event?: Partial<PageTransitionEvent>) {
    return run(() => {
      if (signal.aborted) return
      activity.saveActivity()
      // Only `pageshow` has `persisted`: whether the page was restored from the back/forward cache.
      if (event?.persisted) activity.recordActivity()
      // WebKit may have dropped the reporter's timer while the page was in the cache.
      if (event && isWatching) reporter?.reportActivity(event.type === 'visibilitychange' && document.hidden)
      return outbox.flushReports()
    })
  }

  run(() => {
    for (const type of ['online', 'pageshow', 'visibilitychange']) {
      addEventListener(type, synchronize, { signal })
    }
    const onActivity = (isCertain?: boolean) => isWatching && recordActivity(isCertain)
    if (touchOn.includes('interaction')) observeInteractions(onActivity, signal)
    if (touchOn.includes('request')) observeRequests(onActivity, signal, endpoints, requests)
    if (!loadedAt) activity.recordActivity()
    return synchronize()
  })

  return {
    active: (identity: Identity = {}) =>
      run(async (isCurrent) => {
        isWatching = true
        const { lastAccessAt = 0, ticket } = identity
        const session = toText(identity.session)
        const subject = toText(identity.subject)
        let marker = markerCookie.readMarker()
        // The page repeats what it stated before, so it does not know what has happened to that session since.
        if (!isCurrent() || (session && knownAliases.has(session) && marker?.sid !== session)) return
        knownAliases.add(session)
        if (marker && belongsToAnotherSession(marker, session, subject)) {
          const outcome = reportEnd('new_session')
          // If the report could not be stored, the old marker must stay until the collector has confirmed it.
          if (markerCookie.readMarkerText() && (await outcome)?.pending) return
          marker = markerCookie.readMarker()
        }
        marker ??= createMarker()
        const isUsedNow = touchOn.includes('load') && (loadedAt > marker.at || !activity.isExpired(marker))
        markerCookie.writeMarker({
          ...marker,
          at: Math.min(
            Date.now(),
            Math.max(marker.at, Math.trunc(lastAccessAt) || (isUsedNow ? Date.now() : 0)),
          ),
          sid: session || marker.sid,
          sub: subject || marker.sub,
          ticket: ticket || marker.ticket,
        })
        reporter?.reportActivity()
      }),

    absent: ({ session }: AbsentOptions = {}) =>
      run(async (isCurrent) => {
        // The request of the check itself is no activity.
        const wasWatching = isWatching
        if (session) {
          isWatching = false
          const hasSession = await checkSession(session).finally(() => {
            isWatching ||= wasWatching
          })
          if (hasSession !== false) return null
        }
        // Another tab may have signed in during the check.
        return isCurrent() ? reportEnd('login_page') : null
      }),

    logout: (options: LogoutOptions = {}) => run(() => reportEnd('logout', options)),

    touch: () => run(() => recordActivity(true)),

    stop: () => stopper.abort(),
  }
}

/** Converts an id to a string, so that a number and its digits are the same id. */
function toText(id: string | number | undefined): string {
  return `${id ?? ''}`
}

/** Compares the session aliases or, if one of them is unknown, the subjects. */
function belongsToAnotherSession(marker: Marker, session?: string, subject?: string) {
  return marker.sid && session ? marker.sid !== session : marker.sub && subject && marker.sub !== subject
}
