import type { Marker } from '../marker/marker.ts'
import type { MarkerCookie } from '../marker/markerCookie.ts'
import type { DetectedBy, EndReport } from '../types/endReport.ts'
import type { LogoutOptions } from '../types/lapse.ts'

/** The version of the package, inserted by the build. */
declare const CLIENT_VERSION: string

/** Creates the report that the session of a marker has ended, which is detected now. */
export function createEndReport(
  site: string,
  marker: Marker,
  detectedBy: DetectedBy,
  markerCookie: Pick<MarkerCookie, 'wasBrowserClosed'>,
  logoutOptions?: LogoutOptions,
): EndReport {
  return {
    // First, so that the texts of stored reports sort by it.
    detectedAt: Date.now(),
    // Only these fields: in `onclick={lapse.logout}`, the options are an event.
    report: logoutOptions?.report,
    reason: logoutOptions?.reason,
    site,
    marker: marker.id,
    startedAt: marker.since,
    lastAccessAt: marker.at,
    session: marker.sid,
    subject: marker.sub,
    ticket: marker.ticket,
    detectedBy,
    browserRestarted: markerCookie.wasBrowserClosed(),
    client: CLIENT_VERSION,
  }
}
