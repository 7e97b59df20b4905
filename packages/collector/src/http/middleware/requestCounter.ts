import { createHash, randomBytes } from 'node:crypto'
import { minuteMs } from '../../domain/durations.ts'

interface Window {
  count: number
  /** Milliseconds of a monotonic clock. */
  endsAt: number
}

const windowMs = minuteMs
/** 100,000 clients take about 20 MB. */
const maxClients = 100_000
const sharedWindowCount = 4_096

/**
 * Counts the requests of each client in windows of one minute, in a limited amount of memory.
 *
 * A window starts with a client's first request. The client keeps its entry for another minute after the window, so
 * that a flood does not displace regular clients. When all entries are taken, new clients share 4,096 windows, each
 * with the limit of one client. A flood from many addresses therefore affects no client that has an entry, and few of
 * the others: nobody outside can predict which clients share a window.
 */
export class RequestCounter {
  readonly #limit: number
  readonly #capacity: number
  /** Ordered by the end of the window. */
  readonly #windows = new Map<string, Window>()
  readonly #shared = new Map<number, Window>()
  readonly #secret = randomBytes(16)

  constructor(limit: number, capacity = maxClients) {
    this.#limit = limit
    this.#capacity = capacity
  }

  /**
   * Counts a request.
   *
   * @param now milliseconds of a monotonic clock.
   * @returns for how many milliseconds the client has to wait; 0 within the limit.
   */
  count(client: string, now: number): number {
    const window = this.#findWindow(client, now)
    window.count += 1
    return window.count > this.#limit ? window.endsAt - now : 0
  }

  #findWindow(client: string, now: number): Window {
    const known = this.#windows.get(client)
    if (known && now < known.endsAt) return known
    if (known) this.#windows.delete(client)
    else this.#deleteOldWindows(now)
    if (this.#windows.size >= this.#capacity) return this.#findSharedWindow(client, now)
    const window = { count: 0, endsAt: now + windowMs }
    this.#windows.set(client, window)
    return window
  }

  #deleteOldWindows(now: number): void {
    for (const [client, { endsAt }] of this.#windows) {
      if (now < endsAt + windowMs) return
      this.#windows.delete(client)
    }
  }

  #findSharedWindow(client: string, now: number): Window {
    const digest = createHash('sha256').update(this.#secret).update(client).digest()
    const index = digest.readUInt16BE() % sharedWindowCount
    const shared = this.#shared.get(index)
    if (shared && now < shared.endsAt) return shared
    const window = { count: 0, endsAt: now + windowMs }
    this.#shared.set(index, window)
    return window
  }
}
