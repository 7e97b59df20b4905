import type { MarkerCookie } from '../marker/markerCookie.ts'
import { readIdleTimeoutSeconds } from '../marker/readIdleTimeoutSeconds.ts'
import { markerIntervalMs } from '../shared/limits.ts'
import { msPerSecond } from '../shared/time.ts'

/** Creates the recorder that writes the time of the last activity to the marker. */
export function createActivityRecorder(markerCookie: MarkerCookie, idleTimeoutSeconds: number | undefined) {
  let unsavedAt = 0

  /** Writes the last activity to the marker, if there still is one. */
  function saveActivity() {
    const at = unsavedAt
    const marker = markerCookie.readMarker()
    unsavedAt = 0
    // Another tab may have moved the marker further, or created one for a session that started after this activity.
    if (marker && marker.since <= at && marker.at < at) markerCookie.writeMarker({ ...marker, at })
  }

  /**
   * Records activity that happens now.
   *
   * @param isGuess whether it is unknown if the activity refreshed the session on the server. Such activity counts only
   * if the idle timeout is known and has not passed.
   */
  function recordActivity(isGuess?: boolean) {
    const marker = markerCookie.readMarker()
    if (!marker) return
    const now = Date.now()
    const idleMs = now - marker.at
    const limitSeconds = readIdleTimeoutSeconds(marker) ?? idleTimeoutSeconds
    // Activity after the idle timeout did not refresh the session.
    if (limitSeconds ? idleMs > limitSeconds * msPerSecond : isGuess) return
    unsavedAt = now
    if (idleMs > markerIntervalMs) saveActivity()
  }

  return { saveActivity, recordActivity }
}
