import { type Client, tell } from './client.ts'
import { readMarker } from './marker.ts'
import type { Pending, Verdict } from './options.ts'
import { deliver, keep, type LapseEvent } from './outbox.ts'
import { settle } from './touch.ts'

/** The package's version, put in by the build. */
declare const CLIENT_VERSION: string

/** Reports that the session of the marker on hand has ended. */
export async function report(
  client: Client,
  detectedBy: LapseEvent['detectedBy'],
): Promise<Verdict | Pending | null | undefined> {
  const { cookies, name } = client
  client.watching = false
  settle(client)
  const marker = readMarker(client)
  if (!marker) return undefined
  const event: LapseEvent = {
    site: client.site,
    marker: marker.id,
    startedAt: Number(marker.since),
    lastAccessAt: Number(marker.at),
    detectedAt: Date.now(),
    session: marker.sid,
    subject: marker.sub,
    ticket: marker.ticket,
    detectedBy,
    browserRestarted: !cookies.get(`${name}-open`),
    client: CLIENT_VERSION,
  }
  const key = client.prefix + marker.id
  // Another tab may have started a session since: its marker stays.
  const remove = () => readMarker(client)?.id === marker.id && cookies.remove(name)
  try {
    keep(client, key, event)
    remove()
  } catch (error) {
    // The marker waits in the outbox's stead.
    tell(client, 'storage refused', error)
  }
  const result = await deliver(client, key, event)
  if (!result?.pending) remove()
  return result
}
