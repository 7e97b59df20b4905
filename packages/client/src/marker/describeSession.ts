import type { Marker } from './marker.ts'

/** The version of the package, inserted by the build. */
declare const CLIENT_VERSION: string

/** The fields that every report of a marker's session has. */
export function describeSession(site: string, marker: Marker) {
  return {
    site,
    marker: marker.id,
    startedAt: marker.since,
    lastAccessAt: marker.at,
    session: marker.sid,
    subject: marker.sub,
    ticket: marker.ticket,
    client: CLIENT_VERSION,
  }
}
