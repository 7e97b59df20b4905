import type { Adapter, AdapterSession } from '@auth/core/adapters'
import type { LapseServer } from '../lapseServer.ts'
import { describeRow, type SessionRow } from './databaseSession.ts'
import type { Deletions } from './deletions.ts'
import { getEndReporter } from './endReporter.ts'
import { getEndReason } from './endSession.ts'
import { guard, guardAsync } from './guard.ts'
import { getRequestScope, type WatchedRequest } from './requestScope.ts'

interface AdapterContext {
  readonly lapse: LapseServer
  readonly maxAgeMs: number
  readonly deletions: Deletions
  isActivity(request: WatchedRequest | undefined): boolean
}

/** Returns an adapter that reports what happens to sessions, and otherwise does what `adapter` does. */
export function wrapAdapter(adapter: Adapter, context: AdapterContext): Adapter {
  const { lapse } = context
  const observer = createObserver(context)
  const { createSession, updateSession, getSessionAndUser, deleteSession } = adapter
  const find = async (sessionToken: string) => (await getSessionAndUser?.call(adapter, sessionToken)) ?? null
  // Auth.js reports methods that are missing, so none is added.
  return {
    ...adapter,
    ...(createSession && {
      async createSession(session) {
        const created = await createSession.call(adapter, session)
        guard(lapse, () => observer.created({ ...created, ...session }))
        return created
      },
    }),
    ...(updateSession && {
      async updateSession(changes) {
        const updated = await updateSession.call(adapter, changes)
        guard(lapse, () => observer.updated({ ...updated, ...changes }))
        return updated
      },
    }),
    ...(getSessionAndUser && {
      async getSessionAndUser(sessionToken) {
        const found = await find(sessionToken)
        guard(lapse, () => observer.read(found?.session))
        return found
      },
    }),
    ...(deleteSession && {
      async deleteSession(sessionToken) {
        const found = await guardAsync(lapse, () => find(sessionToken))
        const deleted = await deleteSession.call(adapter, sessionToken)
        guard(lapse, () => observer.deleted(found?.session))
        // Some adapters return nothing, which is undefined here.
        return deleted as AdapterSession | null | undefined
      },
    }),
  } satisfies Adapter
}

/** Reports what has happened to a session. */
function createObserver({ lapse, maxAgeMs, deletions, isActivity }: AdapterContext) {
  const ends = getEndReporter(lapse)
  const isExpired = ({ expires }: SessionRow) => expires.valueOf() < Date.now()
  return {
    created(row: SessionRow): void {
      getRequestScope()?.displaceEarlier?.()
      const now = Date.now()
      lapse.active({ startedAt: now, ...describeRow(row, maxAgeMs), lastAccessAt: now })
    },
    updated(changes: Partial<SessionRow> & Pick<SessionRow, 'sessionToken'>): void {
      const { expires } = changes
      if (!expires || !isActivity(getRequestScope()?.request)) return
      const session = describeRow({ ...changes, expires }, maxAgeMs)
      if (session.expiresAt > Date.now()) lapse.active(session)
    },
    read(row: SessionRow | undefined): void {
      if (!row) return
      const session = describeRow(row, maxAgeMs)
      if (isExpired(row)) ends.report(session, undefined)
      const scope = getRequestScope()
      if (scope?.isSigningIn) scope.displaceEarlier = () => ends.report(session, 'displaced')
    },
    deleted(row: SessionRow | undefined): void {
      if (!row) return
      const session = describeRow(row, maxAgeMs)
      const reason = getEndReason() ?? (getRequestScope()?.isSigningIn ? 'displaced' : undefined)
      if (reason === undefined && !isExpired(row)) deletions.add(session)
      else ends.report(session, reason)
    },
  }
}
