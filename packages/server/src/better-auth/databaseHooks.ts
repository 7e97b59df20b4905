import type { BetterAuthOptions } from 'better-auth'
import { chooseEndReason } from './chooseEndReason.ts'
import type { Guard } from './guard.ts'
import type { NewSessions } from './newSessions.ts'
import type { SessionReporter } from './sessionReporter.ts'
import { readSessionRow } from './sessionRow.ts'
import { noteSessionStart } from './signIn.ts'

/** Creates the hooks that better-auth calls when it writes to its table of sessions. */
export function createDatabaseHooks(
  reporter: SessionReporter,
  newSessions: NewSessions,
  guard: Guard,
): NonNullable<BetterAuthOptions['databaseHooks']> {
  function noteDeletion(session: unknown, path: string | undefined): void {
    const { token } = readSessionRow(session)
    const isUnreported = newSessions.get(token)?.isHeld
    newSessions.delete(token)
    if (!isUnreported) reporter.ended(session, chooseEndReason(path))
  }

  return {
    session: {
      create: {
        after: (session, context) => guard(() => noteSessionStart(session, context, reporter, newSessions)),
      },
      update: {
        // There is no session if it was deleted at the same time.
        after: (session) => guard(() => (session ? reporter.active(session) : undefined)),
      },
      delete: {
        // Before the row is gone, because the browser may be back within milliseconds.
        before: (session, context) => guard(() => noteDeletion(session, context?.path)),
      },
    },
  }
}
