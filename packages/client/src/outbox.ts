import { attempt, type Client, tell } from './client.ts'
import type { Pending, Verdict } from './options.ts'
import { post } from './transport.ts'

/** What is posted to the collector about one ended session. */
export interface LapseEvent {
  readonly site: string
  readonly marker: string
  readonly startedAt: number
  readonly lastAccessAt: number
  readonly detectedAt: number
  readonly session: string | undefined
  readonly subject: string | undefined
  readonly ticket: string | undefined
  readonly detectedBy: 'login_page' | 'new_session' | 'logout'
  readonly browserRestarted: boolean
  readonly client: string
  /** Not to be sent before this, epoch milliseconds. The collector ignores it. */
  readonly retryAt?: number
}

/**
 * How long to leave an event alone that could not be delivered, in milliseconds. About as long again as it has waited
 * already, so that the pauses grow from a second to an hour without a counter; a random part up to half is taken off,
 * so that browsers don't come back all at once. The collector's `Retry-After`, in seconds, comes on top.
 */
export function retryDelay(waitedMs: number, retryAfter?: string | null): number {
  return (Number(retryAfter) * 1000 || 0) + Math.min(36e5, waitedMs + 1000) * (1 - Math.random() / 2)
}

function load(key: string): LapseEvent | undefined {
  return attempt(() => JSON.parse(localStorage[key]))
}

/** The keys of the events that the collector has not confirmed. */
function waiting({ prefix }: Client): string[] {
  return Object.keys(localStorage).filter((key) => key.startsWith(prefix))
}

/** Keeps an event until the collector has confirmed it. The first tab's word about a session stays. */
export function keep(client: Client, key: string, event: LapseEvent) {
  const detectedAt = (other: string) => load(other)?.detectedAt ?? 0
  // Newest first, and those beyond the twentieth are pushed out.
  for (const old of waiting(client)
    .sort((a, b) => detectedAt(b) - detectedAt(a))
    .slice(19)) {
    tell(client, 'outbox full', load(old))
    localStorage.removeItem(old)
  }
  // This page sends it now. Should it be gone before the answer, another may take over.
  localStorage[key] ??= JSON.stringify({ ...event, retryAt: Date.now() + 5000 })
}

/** A page that stays open looks again by itself whether something is due. */
function later(client: Client): Pending {
  clearTimeout(client.timer)
  client.timer = setTimeout(() => {
    if (!client.signal.aborted) flush(client).catch((error) => tell(client, `${error}`, error))
  }, 5000)
  return { pending: true }
}

/**
 * Sends one event. A page that has just found a lapse sends it at once: it wants the verdict, and may be left before
 * a lock is granted. One that clears the outbox leaves alone what another tab has in hand, by a lock named by the id.
 */
export async function deliver(
  client: Client,
  key: string,
  own?: LapseEvent,
): Promise<Verdict | Pending | null> {
  const send = async (lock: unknown): Promise<Verdict | Pending | null> => {
    // Another tab may have tried it, or brought it in, since.
    const event = own ?? load(key)
    const now = Date.now()
    // A time to wait until means nothing once the clock has been set back.
    const isHeld = (event?.retryAt ?? 0) > now && Number(event?.detectedAt) <= now
    if (!lock || !event || (isHeld && !own)) return later(client)
    const body = JSON.stringify({ ...event, sentAt: now })
    const [response, answer] = await post(client.url, body, true)
      // The page itself may have used up the 64 KiB that a browser grants to keepalive requests in flight.
      .catch(() => post(client.url, body, false))
      .catch((error) => [undefined, error])
    const { ok, status, headers } = response ?? ({} as Partial<Response>)
    // A 2xx that is not JSON comes from someone else, such as a captive portal.
    const verdict = ok && answer
    if (!verdict) tell(client, `not confirmed: ${status ?? answer}`, answer)
    const waited = Date.now() - event.detectedAt
    // Only 400, 413, 415 and 422 refuse the event itself. What else fails may be mended tomorrow.
    if (verdict || /4(00|1[35]|22)/.test(`${status}`) || waited > client.days * 864e5) {
      attempt(() => localStorage.removeItem(key))
      return verdict || null
    }
    // Offline nothing is held back.
    const pause = status || navigator.onLine ? retryDelay(waited, headers?.get('Retry-After')) : 0
    attempt(() => {
      localStorage[key] = JSON.stringify({ ...event, retryAt: Date.now() + pause })
    })
    return later(client)
  }
  return own || !navigator.locks ? send(true) : navigator.locks.request(key, { ifAvailable: true }, send)
}

/** Sends what is due, one after the other. */
export async function flush(client: Client) {
  for (const key of waiting(client)) await deliver(client, key)
}
