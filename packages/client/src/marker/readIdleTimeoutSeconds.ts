import { attempt } from '../shared/attempt.ts'
import type { Marker } from './marker.ts'

/** Reads the idle timeout from the marker's ticket. Here it is only a hint: the collector verifies the ticket. */
export function readIdleTimeoutSeconds({ ticket }: Marker): number | undefined {
  // The payload of a JWT is base64url (RFC 4648, section 5), and `atob` takes base64.
  const [, payload = ''] = `${ticket}`.replace(/-/g, '+').replace(/_/g, '/').split('.')
  return attempt(() => JSON.parse(atob(payload)).idle)
}
