import type { Marker } from '../marker/marker.ts'
import type { MarkerCookie } from '../marker/markerCookie.ts'
import { readIdleTimeoutSeconds } from '../marker/readIdleTimeoutSeconds.ts'
import { markerIntervalMs } from '../shared/limits.ts'
import { msPerSecond } from '../shared/time.ts'
import type { LogoutOptions } from '../types/lapse.ts'

export type ActivityRecorder = ReturnType<typeof createActivityRecorder>

/** Creates the recorder that writes the time of the last activity to the marker. */
export function createActivityRecorder(markerCookie: MarkerCookie, idleTimeoutSeconds: number | undefined) {
  let unsavedAt = 0
  /** The marker of the session whose end this page has reported. Activity does not move it. */
  let endedMarkerId: string | undefined

  /** Returns the idle timeout of the marker's session, or `undefined` if it is unknown. */
  const findIdleTimeoutSeconds = (marker: Marker) => readIdleTimeoutSeconds(marker) ?? idleTimeoutSeconds

  /** Returns whether the idle timeout has passed since the last activity, or `undefined` if the limit is unknown. */
  function isExpired(marker: Marker) {
    const limitSeconds = findIdleTimeoutSeconds(marker)
    return limitSeconds && Date.now() - marker.at > limitSeconds * msPerSecond
  }

  /**
   * Writes the last activity to the marker, if there still is one.
   *
   * @param logoutOptions of the logout that is taking place. The user is there, so a marker whose time lies ahead of the
   * clock is lowered to it in any case.
   */
  function saveActivity(logoutOptions?: LogoutOptions) {
    const marker = markerCookie.readMarker()
    const at = Math.min(Date.now(), unsavedAt)
    unsavedAt = 0
    if (!marker) return
    // The clock was set back if the marker's time lies ahead of it. Otherwise, another tab may have moved the marker
    // further, or created one for a session that started after this activity.
    if (marker.at > Date.now() ? at || logoutOptions : marker.since <= at && marker.at < at) {
      markerCookie.writeMarker({ ...marker, at: at || Date.now() })
    }
  }

  /**
   * Records activity that happens now.
   *
   * @param isCertain whether the activity counts even if the idle timeout is unknown. A request may succeed without a
   * session.
   */
  function recordActivity(isCertain?: boolean) {
    const marker = markerCookie.readMarker()
    // Activity after the idle timeout did not refresh the session.
    if (!marker || marker.id === endedMarkerId || (isExpired(marker) ?? !isCertain)) return
    unsavedAt = Date.now()
    if (Math.abs(unsavedAt - marker.at) > markerIntervalMs) saveActivity()
  }

  /** Saves the last activity. Returns the marker, unless this page has reported the end of its session. */
  function readActiveMarker() {
    saveActivity()
    const marker = markerCookie.readMarker()
    return marker?.id === endedMarkerId ? undefined : marker
  }

  /**
   * Saves the last activity of the marker's session, which has ended.
   *
   * @param logoutOptions if the user has ended it
   * @returns the marker
   */
  function endActivity(logoutOptions?: LogoutOptions) {
    saveActivity(logoutOptions)
    const marker = markerCookie.readMarker()
    endedMarkerId = marker?.id
    return marker
  }

  return {
    findIdleTimeoutSeconds,
    isExpired,
    saveActivity,
    recordActivity,
    readActiveMarker,
    endActivity,
  }
}
