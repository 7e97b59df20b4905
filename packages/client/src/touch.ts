import { attempt, type Client } from './client.ts'
import { readMarker, writeMarker } from './marker.ts'

/** Writes the access that waits to be written. A marker that is gone stays gone. */
export function settle(client: Client) {
  const at = client.accessAt
  const marker = readMarker(client)
  client.accessAt = 0
  // Meanwhile another tab may have moved the marker further, or made one for a session that began after the access.
  if (marker && Number(marker.since) <= at && Number(marker.at) < at) writeMarker(client, { ...marker, at })
}

/**
 * One more access. One later than the idle timeout after the last refreshed no session; where that timeout is not
 * known, a mere guess does not count.
 */
export function touch(client: Client, guess?: boolean) {
  const marker = readMarker(client)
  if (!marker) return
  const now = Date.now()
  const since = now - Number(marker.at)
  // The collector verifies the ticket; here it is a hint. Its parts are base64url (RFC 4648, section 5).
  const payload = `${marker.ticket}`.replace(/-/g, '+').replace(/_/g, '/').split('.')[1]
  const idle = attempt(() => JSON.parse(atob(payload ?? '')).idle) ?? client.idleTimeoutSeconds
  if (idle ? since > idle * 1000 : guess) return
  client.accessAt = now
  // At most four times a second; the last one is written when the page is hidden.
  if (since > 250) settle(client)
}
