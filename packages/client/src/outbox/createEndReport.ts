import { describeSession } from '../marker/describeSession.ts'
import type { Marker } from '../marker/marker.ts'
import type { MarkerCookie } from '../marker/markerCookie.ts'
import type { DetectedBy, EndReport } from '../types/endReport.ts'
import type { LogoutOptions } from '../types/lapse.ts'

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
    ...describeSession(site, marker),
    detectedBy,
    browserRestarted: markerCookie.wasBrowserClosed(),
  }
}
