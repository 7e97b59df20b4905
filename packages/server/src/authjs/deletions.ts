import type { AdapterSession } from '@auth/core/adapters'
import type { DatabaseSession } from './databaseSession.ts'

/** What an adapter returns from `deleteSession`. Many return nothing. */
export type Deleted = AdapterSession | null | undefined

/** Finds out who has deleted a session: the user who signs out, or the application. */
export interface Deletions {
  /**
   * A live session was deleted.
   *
   * @returns what `deleteSession` has to return, so that the event `signOut` says which session was deleted.
   */
  add(session: DatabaseSession, row: AdapterSession, deleted: Deleted): AdapterSession
  /**
   * The event `signOut` was emitted. Auth.js emits it directly after it has deleted the session.
   *
   * @param returned what `deleteSession` has returned.
   * @returns what the adapter of the application has returned.
   */
  signOut(returned: Deleted): Deleted
}

/** @param report is called once for each session, with the reason. */
export function createDeletions(
  report: (session: DatabaseSession, reason: 'logout' | 'revoked') => void,
): Deletions {
  const waiting = new Map<AdapterSession, { readonly session: DatabaseSession; readonly deleted: Deleted }>()
  return {
    add(session, row, deleted) {
      const returned = deleted ?? row
      waiting.set(returned, { session, deleted })
      // Between a deletion and its event `signOut` there are only resolved promises, which all run before this callback.
      setImmediate(() => {
        if (waiting.delete(returned)) report(session, 'revoked')
      })
      return returned
    },
    signOut(returned) {
      const found = returned && waiting.get(returned)
      if (!found) return returned
      waiting.delete(returned)
      report(found.session, 'logout')
      return found.deleted
    },
  }
}
