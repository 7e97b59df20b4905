import type { Adapter, AdapterSession } from '@auth/core/adapters'
import type { LapseServer } from '../lapseServer.ts'
import { attempt } from '../session/attempt.ts'
import { attemptAsync } from '../session/attemptAsync.ts'
import { describeRow, type SessionRow } from './databaseSession.ts'
import type { Deleted, Deletions } from './deletions.ts'
import { getEndReporter } from './endReporter.ts'
import { getEndReason } from './endSession.ts'
import { getRequestScope } from './requestScope.ts'

interface AdapterContext {
  readonly lapse: LapseServer
  readonly maxAgeMs: number
  readonly deletions: Deletions
}

/** Returns an adapter that reports what happens to sessions, and otherwise does what `adapter` does. */
export function wrapAdapter(adapter: Adapter, context: AdapterContext): Adapter {
  const { lapse } = context
  const observer = createObserver(context)
  const { createSession, getSessionAndUser, deleteSession } = adapter
  const find = async (sessionToken: string) => (await getSessionAndUser?.call(adapter, sessionToken)) ?? null
  // Auth.js names the methods that are missing, so none is added.
  return {
    ...adapter,
    ...(createSession && {
      async createSession(session) {
        const created = await createSession.call(adapter, session)
        attempt(lapse, () => observer.created({ ...created, ...session }))
        return created
      },
    }),
    ...(getSessionAndUser && {
      async getSessionAndUser(sessionToken) {
        const found = await find(sessionToken)
        attempt(lapse, () => observer.found(found?.session))
        return found
      },
    }),
    ...(deleteSession && {
      async deleteSession(sessionToken) {
        const found = await attemptAsync(lapse, () => find(sessionToken))
        // Nothing is undefined here.
        const deleted = (await deleteSession.call(adapter, sessionToken)) as Deleted
        return attempt(lapse, () => observer.deleted(found?.session, deleted)) ?? deleted
      },
    }),
  } satisfies Adapter
}

/** Reports what has happened to a row. */
function createObserver({ lapse, maxAgeMs, deletions }: AdapterContext) {
  const ends = getEndReporter(lapse)
  const isExpired = ({ expires }: SessionRow) => expires.valueOf() < Date.now()
  return {
    created(row: SessionRow): void {
      getRequestScope()?.displaceEarlier?.()
      const session = describeRow(row, maxAgeMs)
      lapse.active({ ...session, startedAt: session.startedAt ?? Date.now(), lastAccessAt: Date.now() })
    },
    found(row: SessionRow | undefined): void {
      if (!row) return
      const session = describeRow(row, maxAgeMs)
      if (isExpired(row)) ends.report(session, undefined)
      const scope = getRequestScope()
      if (scope?.isSigningIn) scope.displaceEarlier = () => ends.report(session, 'displaced')
    },
    deleted(row: AdapterSession | undefined, deleted: Deleted): Deleted {
      if (!row) return deleted
      const session = describeRow(row, maxAgeMs)
      const reason = getEndReason() ?? (getRequestScope()?.isSigningIn ? 'displaced' : undefined)
      if (reason === undefined && !isExpired(row)) return deletions.add(session, row, deleted)
      ends.report(session, reason)
      return deleted
    },
  }
}
