import type { DatabaseSession } from './databaseSession.ts'

/** Finds out who has deleted a session: the user who signs out, or the application. */
export interface Deletions {
  /** A live session was deleted. */
  add(session: DatabaseSession): void
  /** The event `signOut` was emitted. Auth.js emits it directly after it has deleted the session. */
  signOut(alias: string | undefined): void
}

/**
 * @param report is called once for each session, with the reason.
 */
export function createDeletions(
  report: (session: DatabaseSession, reason: 'logout' | 'revoked') => void,
): Deletions {
  const waiting = new Set<DatabaseSession>()

  function finish(session: DatabaseSession, reason: 'logout' | 'revoked'): void {
    if (waiting.delete(session)) report(session, reason)
  }

  return {
    add(session) {
      waiting.add(session)
      // Between a deletion and its event `signOut` there are only resolved promises, which all run before this callback.
      setImmediate(() => finish(session, 'revoked'))
    },
    signOut(alias) {
      // Many adapters return nothing, so that the event does not say which session was deleted. They are in order.
      const [oldest] = waiting
      const signedOut = alias === undefined ? oldest : [...waiting].find(({ session }) => session === alias)
      if (signedOut) finish(signedOut, 'logout')
    },
  }
}
