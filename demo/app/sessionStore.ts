/** What the application keeps about a signed-in user, on the server. */
export interface SessionData {
  /** An opaque user id, never a name or an email address. */
  readonly subject: string
  /**
   * The session alias: a second, random id of the session. Lapse gets the alias. The id in the cookie grants access, so
   * it must stay secret, and it changes when it is rotated.
   */
  readonly alias: string
  /** Proves subject and alias to the collector. */
  readonly ticket: string
  readonly signedInAt: number
}

interface ActiveSession extends SessionData {
  readonly id: string
  readonly lastAccessAt: number
}

interface Entry {
  readonly data: SessionData
  readonly lastAccessAt: number
  readonly hasEnded: boolean
}

/**
 * Keeps sessions in memory, with an idle timeout that is exact to the millisecond.
 * koa-session calls `get`, `set` and `destroy`.
 */
export class SessionStore {
  readonly #entries = new Map<string, Entry>()
  readonly #idleTimeoutMs: number

  constructor(idleTimeoutMs: number) {
    this.#idleTimeoutMs = idleTimeoutMs
  }

  async get(id: string): Promise<SessionData | undefined> {
    const entry = this.#entries.get(id)
    return entry && this.#isActive(entry) ? entry.data : undefined
  }

  /** Called at the end of every page request. Each one restarts the idle timeout. */
  async set(id: string, data: SessionData): Promise<void> {
    this.#deleteExpired()
    // A request that was running when the session ended must not revive it.
    if (this.#entries.get(id)?.hasEnded) return
    this.#entries.set(id, { data, lastAccessAt: Date.now(), hasEnded: false })
  }

  async destroy(id: string): Promise<void> {
    this.#end(id)
  }

  /** Finds a user's active session: the most recently used, if there are several. */
  find(subject: string): ActiveSession | undefined {
    return this.#listActive()
      .filter((session) => session.subject === subject)
      .sort((a, b) => b.lastAccessAt - a.lastAccessAt)[0]
  }

  /** Ends a session before its timeout, as an administrator would. The browser is not notified. */
  drop(alias: string): boolean {
    const session = this.#listActive().find((candidate) => candidate.alias === alias)
    if (!session) return false
    this.#end(session.id)
    return true
  }

  #listActive(): ActiveSession[] {
    return [...this.#entries]
      .filter(([, entry]) => this.#isActive(entry))
      .map(([id, { data, lastAccessAt }]) => ({ ...data, id, lastAccessAt }))
  }

  #isActive(entry: Entry): boolean {
    return !entry.hasEnded && !this.#isIdle(entry)
  }

  #isIdle(entry: Entry): boolean {
    return Date.now() - entry.lastAccessAt >= this.#idleTimeoutMs
  }

  #end(id: string): void {
    const entry = this.#entries.get(id)
    if (entry) this.#entries.set(id, { ...entry, hasEnded: true })
  }

  #deleteExpired(): void {
    for (const [id, entry] of this.#entries) if (this.#isIdle(entry)) this.#entries.delete(id)
  }
}
