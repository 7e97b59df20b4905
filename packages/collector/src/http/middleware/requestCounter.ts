import { createHash, randomBytes } from 'node:crypto'

interface Window {
  count: number
  /** Milliseconds of a monotonic clock. */
  endsAt: number
}

const windowMs = 60_000
/** 100,000 clients take about 20 MB. */
const maxClients = 100_000
const sharedWindowCount = 4_096

/**
 * Counts the requests of clients within a minute from their first one, in a bounded memory.
 *
 * A client keeps its place for a minute after its window has ended, so that regular ones are not crowded out. When all
 * places are taken, further clients share 4,096 windows, each with the limit of one client: a flood from many addresses
 * is bounded by these, and touches neither the clients that have a place nor most of the others. Which ones share a
 * window nobody outside can foretell.
 */
export class RequestCounter {
  readonly #limit: number
  readonly #maxClients: number
  /** In the order in which the windows end. */
  readonly #windows = new Map<string, Window>()
  readonly #shared = new Map<number, Window>()
  readonly #secret = randomBytes(16)

  constructor(limit: number, places = maxClients) {
    this.#limit = limit
    this.#maxClients = places
  }

  /** Counts a request. Gives for how many milliseconds the client must wait; 0 while it is within the limit. */
  count(client: string, now: number): number {
    const window = this.#windowOf(client, now)
    window.count += 1
    return window.count > this.#limit ? window.endsAt - now : 0
  }

  #windowOf(client: string, now: number): Window {
    const known = this.#windows.get(client)
    if (known && now < known.endsAt) return known
    if (known) this.#windows.delete(client)
    else this.#forgetOld(now)
    if (this.#windows.size >= this.#maxClients) return this.#sharedWindowOf(client, now)
    const window = { count: 0, endsAt: now + windowMs }
    this.#windows.set(client, window)
    return window
  }

  #forgetOld(now: number): void {
    for (const [client, { endsAt }] of this.#windows) {
      if (now < endsAt + windowMs) return
      this.#windows.delete(client)
    }
  }

  #sharedWindowOf(client: string, now: number): Window {
    const digest = createHash('sha256').update(this.#secret).update(client).digest()
    const place = digest.readUInt16BE() % sharedWindowCount
    const shared = this.#shared.get(place)
    if (shared && now < shared.endsAt) return shared
    const window = { count: 0, endsAt: now + windowMs }
    this.#shared.set(place, window)
    return window
  }
}
