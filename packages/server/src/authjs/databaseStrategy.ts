import type { Adapter } from '@auth/core/adapters'
import type { LapseServer } from '../lapseServer.ts'
import { attempt } from '../session/attempt.ts'
import { type Callbacks, callSession, type Events, selectWholeSession } from './callbacks.ts'
import { describeRow, type SessionRow } from './databaseSession.ts'
import { createDeletions, type Deleted } from './deletions.ts'
import { getEndReporter } from './endReporter.ts'
import { addIdentity, type LapseIdentity } from './identity.ts'
import { type AuthOptions, readLifetimes, type WithLapseOptions } from './options.ts'
import { createActivityReporter } from './reportActivity.ts'
import { getRequestScope } from './requestScope.ts'
import { wrapAdapter } from './wrapAdapter.ts'

/** What `withLapse` replaces with the strategy `database`. */
interface DatabaseHooks {
  readonly adapter: Adapter
  readonly callbacks: Pick<Callbacks, 'signIn' | 'session'>
  readonly events: Pick<Events, 'signOut'>
}

/**
 * Creates the hooks of the strategy `database`: the alias is derived from the session's token.
 *
 * @param getOptions returns the configuration with these hooks.
 */
export function createDatabaseHooks(
  lapse: LapseServer,
  config: AuthOptions,
  getOptions: () => AuthOptions,
  options: WithLapseOptions,
): DatabaseHooks {
  const { adapter = {}, callbacks, events } = config
  const { maxAgeMs, updateAgeMs } = readLifetimes(config)
  const ends = getEndReporter(lapse)
  const reportActivity = createActivityReporter(lapse, config, options)
  const deletions = createDeletions((session, reason) => attempt(lapse, () => ends.report(session, reason)))

  function describeRead(row: SessionRow): LapseIdentity {
    const { subject = '', session, startedAt, lastAccessAt } = describeRow(row, maxAgeMs)
    const now = Date.now()
    // `row` is as it was before Auth.js extended the session, which it does only every `updateAge`.
    return {
      subject,
      session,
      startedAt,
      lastAccessAt: lastAccessAt + updateAgeMs <= now ? now : lastAccessAt,
    }
  }

  return {
    adapter: wrapAdapter(adapter, { lapse, maxAgeMs, deletions }),
    callbacks: {
      signIn(parameters) {
        const scope = getRequestScope()
        if (scope) scope.isSigningIn = true
        return callbacks?.signIn ? callbacks.signIn(parameters) : true
      },
      async session(this: unknown, parameters) {
        // `auth()` of next-auth calls the callback of the configuration. For all other answers, Auth.js calls it as a
        // method of a copy.
        const isForServer = this === getOptions().callbacks
        // Before the application's callback, which may change the row.
        const session = attempt(lapse, () => describeRead(parameters.session))
        const answer = await callSession(callbacks, parameters, isForServer ? selectWholeSession : undefined)
        if (!session || !answer) return answer
        attempt(lapse, () => reportActivity(session))
        return attempt(lapse, () => addIdentity(lapse, answer, session)) ?? answer
      },
    },
    events: {
      signOut(message) {
        if (!('session' in message)) return events?.signOut?.(message)
        const returned = message.session as Deleted
        const { deleted } = attempt(lapse, () => ({ deleted: deletions.signOut(returned) })) ?? {
          deleted: returned,
        }
        return events?.signOut?.({ session: deleted })
      },
    },
  }
}
