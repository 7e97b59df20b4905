export interface SessionData {
  /** Missing while nobody has signed in: an anonymous session. */
  readonly subject?: string
  readonly alias?: string
  readonly signedInAt?: number
}

/** The truth about a signed-in user's session. */
export interface HostSession extends Required<SessionData> {
  readonly lastAccessAt: number
}

interface Entry {
  readonly data: SessionData
  readonly lastAccessAt: number
}

/** Sessions in memory with exact timeouts. `get`, `set` and `destroy` are koa-session's store interface. */
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
    return entry && this.#isLive(entry) ? entry.data : undefined
  }

  /** An access: the idle timeout begins again. */
  async set(id: string, data: SessionData): Promise<void> {
    // A page that was being made while the session was ended must not bring it back.
    if (!this.#ended.has(id)) this.#entries.set(id, { data, lastAccessAt: Date.now() })
  }

  async destroy(id: string): Promise<void> {
    this.#ended.add(id)
    this.#entries.delete(id)
  }

  /** The user's session, or the one used last if there are several, for as long as it lives. */
  find(subject: string): HostSession | undefined {
    return [...this.#entries.values()]
      .filter((entry) => entry.data.subject === subject && this.#isLive(entry))
      .map(({ data, lastAccessAt }) => ({ subject, alias: '', signedInAt: 0, ...data, lastAccessAt }))
      .sort((a, b) => b.lastAccessAt - a.lastAccessAt)[0]
  }

  /** Ends a session before its time, as an administrator would. The browser is not told. */
  drop(alias: string): boolean {
    const found = [...this.#entries].find(([, { data }]) => data.alias === alias)
    if (found) this.destroy(found[0])
    return found !== undefined
  }

  #isLive({ data, lastAccessAt }: Entry): boolean {
    const now = Date.now()
    const age = now - (data.signedInAt ?? now)
    return now - lastAccessAt < this.#idleTimeoutMs && age < this.#absoluteTimeoutMs
  }
}
