export interface SessionData {
  /** Missing in an anonymous session. */
  readonly subject?: string
  readonly alias?: string
  readonly signedInAt?: number
}

/** A signed-in user's session, as the server knows it. */
export interface HostSession extends Required<SessionData> {
  readonly lastAccessAt: number
}

interface Entry {
  readonly data: SessionData
  readonly lastAccessAt: number
}

/** Keeps sessions in memory, with exact timeouts. koa-session calls `get`, `set` and `destroy`. */
export class SessionStore {
  readonly #entries = new Map<string, Entry>()
  readonly #ended = new Set<string>()
  readonly #idleTimeoutMs: number
  readonly #absoluteTimeoutMs: number

  constructor(idleTimeoutMs: number, absoluteTimeoutMs = Number.POSITIVE_INFINITY) {
    this.#idleTimeoutMs = idleTimeoutMs
    this.#absoluteTimeoutMs = absoluteTimeoutMs
  }

  async get(id: string): Promise<SessionData | undefined> {
    const entry = this.#entries.get(id)
    return entry && this.#isActive(entry) ? entry.data : undefined
  }

  /** Called for every page. Restarts the idle timeout. */
  async set(id: string, data: SessionData): Promise<void> {
    // A request that was running when the session ended must not revive it.
    if (!this.#ended.has(id)) this.#entries.set(id, { data, lastAccessAt: Date.now() })
  }

  async destroy(id: string): Promise<void> {
    this.#ended.add(id)
    this.#entries.delete(id)
  }

  /** Finds the user's active session: the most recently used, if there are several. */
  find(subject: string): HostSession | undefined {
    return [...this.#entries.values()]
      .filter((entry) => entry.data.subject === subject && this.#isActive(entry))
      .map(({ data, lastAccessAt }) => ({ subject, alias: '', signedInAt: 0, ...data, lastAccessAt }))
      .sort((a, b) => b.lastAccessAt - a.lastAccessAt)[0]
  }

  /** Ends a session before its timeout, as an administrator would. The browser is not notified. */
  drop(alias: string): boolean {
    const found = [...this.#entries].find(([, { data }]) => data.alias === alias)
    if (found) this.destroy(found[0])
    return found !== undefined
  }

  #isActive({ data, lastAccessAt }: Entry): boolean {
    const now = Date.now()
    const age = now - (data.signedInAt ?? now)
    return now - lastAccessAt < this.#idleTimeoutMs && age < this.#absoluteTimeoutMs
  }
}
