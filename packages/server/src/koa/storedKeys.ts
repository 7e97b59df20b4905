import type { KoaKnownSession } from './knownSession.ts'

/** How many sessions a process remembers. */
const maxRemembered = 10_000

/**
 * Remembers whose sessions are behind the keys of a store, because koa-session's event `session:missed` has the key
 * alone.
 */
export class StoredKeys {
  readonly #sessions = new Map<string, KoaKnownSession>()

  remember(key: string, session: KoaKnownSession | undefined): void {
    this.#sessions.delete(key)
    if (!session) return
    const [oldest] = this.#sessions.keys()
    if (oldest !== undefined && this.#sessions.size >= maxRemembered) this.#sessions.delete(oldest)
    this.#sessions.set(key, session)
  }

  /** Returns the session of a key, and forgets it. */
  take(key: string): KoaKnownSession | undefined {
    const session = this.#sessions.get(key)
    this.#sessions.delete(key)
    return session
  }
}
