/** What this application keeps about a signed-in user, on the server. */
export interface SessionData {
  /** An opaque id of the user, never a name or an address. */
  readonly subject: string
  /**
   * A second, random id of the session. It is what Lapse is told: the id in the cookie opens the session
   * and must stay secret, and it changes when it is rotated, while the alias stays.
   */
  readonly alias: string
  /** What Lapse is given to prove the two. */
  readonly ticket: string
  readonly signedInAt: number
}

interface FoundSession extends SessionData {
  readonly id: string
  readonly lastAccessAt: number
}

interface Entry {
  readonly data: SessionData
  readonly lastAccessAt: number
  readonly ended: boolean
}

/**
 * Sessions in memory, with a rolling idle timeout, exact to the millisecond.
 * `get`, `set` and `destroy` are koa-session's store interface.
 */
export class SessionStore {
  readonly #entries = new Map<string, Entry>()
  readonly #idleTimeoutMs: number

  constructor(idleTimeoutMs: number) {
    this.#idleTimeoutMs = idleTimeoutMs
  }

  async get(id: string): Promise<SessionData | undefined> {
    const entry = this.#entries.get(id)
    return entry && this.#isLive(entry) ? entry.data : undefined
  }

  /** Called at the end of every page: each one is an access, and the idle timeout begins again. */
  async set(id: string, data: SessionData): Promise<void> {
    this.#forgetExpired()
    // A page that was being made while the session was ended must not bring it back.
    if (this.#entries.get(id)?.ended) return
    this.#entries.set(id, { data, lastAccessAt: Date.now(), ended: false })
  }

  async destroy(id: string): Promise<void> {
    this.#end(id)
  }

  /** The user's session, or the one used last if there are several. */
  find(subject: string): FoundSession | undefined {
    return this.#live()
      .filter((session) => session.subject === subject)
      .sort((a, b) => b.lastAccessAt - a.lastAccessAt)[0]
  }

  /** Ends a session before its time, as an administrator would. The browser is not told. */
  drop(alias: string): boolean {
    const session = this.#live().find((candidate) => candidate.alias === alias)
    if (!session) return false
    this.#end(session.id)
    return true
  }

  #live(): FoundSession[] {
    return [...this.#entries]
      .filter(([, entry]) => this.#isLive(entry))
      .map(([id, { data, lastAccessAt }]) => ({ ...data, id, lastAccessAt }))
  }

  #isLive(entry: Entry): boolean {
    return !entry.ended && !this.#isIdle(entry)
  }

  #isIdle(entry: Entry): boolean {
    return Date.now() - entry.lastAccessAt >= this.#idleTimeoutMs
  }

  #end(id: string): void {
    const entry = this.#entries.get(id)
    if (entry) this.#entries.set(id, { ...entry, ended: true })
  }

  #forgetExpired(): void {
    for (const [id, entry] of this.#entries) if (this.#isIdle(entry)) this.#entries.delete(id)
  }
}
