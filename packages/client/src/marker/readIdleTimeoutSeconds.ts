import { attempt } from '../shared/attempt.ts'
import type { Marker } from './marker.ts'

/** Reads the idle timeout from the marker's ticket. Here it is only a hint: the collector verifies the ticket. */
export function readIdleTimeoutSeconds(marker: Marker): number | undefined {
  // The payload is base64url, and `atob` takes base64. Taking `-` for `/` changes only characters such as ~ in strings.
  return attempt(() => {
    // Without a ticket, this throws.
    const [, payload] = (marker.ticket as string).split('.') as [string, string]
    return JSON.parse(atob(payload.replace(/[-_]/g, '/'))).idle
  })
}
