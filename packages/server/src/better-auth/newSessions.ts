/** Beyond this number, the oldest is forgotten. A request that creates a session takes it out when it ends. */
const maxSessions = 1000

interface NewSession {
  readonly session: unknown
  /** Whether the session waits for the second factor, so that nothing has been reported yet. */
  readonly isHeld: boolean
}

/** The sessions that current requests have created, by their tokens. */
export class NewSessions {
  readonly #sessions = new Map<string, NewSession>()

  add(token: string, session: NewSession): void {
    const [oldest] = this.#sessions.keys()
    if (oldest !== undefined && this.#sessions.size >= maxSessions) this.#sessions.delete(oldest)
    this.#sessions.set(token, session)
  }

  get(token: string): NewSession | undefined {
    return this.#sessions.get(token)
  }

  delete(token: string): void {
    this.#sessions.delete(token)
  }
}
