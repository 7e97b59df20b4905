import type { AuthContext, BetterAuthOptions, BetterAuthPlugin } from 'better-auth'
import { createAuthMiddleware } from 'better-auth/api'
import type { LapseServer } from '../lapseServer.ts'
import { chooseEndReason } from './chooseEndReason.ts'
import { startExpiredSessionJob } from './expiredSessionJob.ts'
import { NewSessions } from './newSessions.ts'
import { addLapseSession } from './sessionAnswer.ts'
import { SessionReporter } from './sessionReporter.ts'
import { readSessionRow } from './sessionRow.ts'
import { noteSessionStart, noteSignIn } from './signIn.ts'

/** The options of `lapsePlugin`. */
export interface LapsePluginOptions {
  /**
   * How often to look for expired rows in the table of sessions, in seconds, or `false`. Any number of replicas may do
   * so.
   *
   * @default 60
   */
  readonly expiredSessions?: { readonly everySeconds: number } | false | undefined
}

/** A plugin for better-auth, created by `lapsePlugin`. */
export interface LapsePlugin {
  readonly id: 'lapse'
  readonly init: (context: AuthContext) => { options: Pick<BetterAuthOptions, 'databaseHooks'> }
  readonly hooks: Pick<NonNullable<BetterAuthPlugin['hooks']>, 'after'>
  /** Stops looking for expired rows. Call it before `lapse.close()`. */
  readonly stop: () => void
}

type SessionHooks = NonNullable<NonNullable<BetterAuthOptions['databaseHooks']>['session']>

const defaultEverySeconds = 60

/**
 * Creates a plugin for better-auth that reports its sessions: when they start, are extended and end.
 *
 * The answer of `get-session` gets a field `lapse`, for `lapseClientPlugin` and `getLapseSession`.
 *
 * @example
 * ```ts not-run
 * export const auth = betterAuth({
 *   database,
 *   session: { expiresIn: 1800, updateAge: 60 },
 *   plugins: [lapsePlugin(lapse)],
 * })
 * ```
 */
export function lapsePlugin(lapse: LapseServer, options: LapsePluginOptions = {}): LapsePlugin {
  const reporter = new SessionReporter(lapse)
  const newSessions = new NewSessions()
  let stop = () => {}

  /** Nothing that goes wrong here may reach better-auth, where an exception would fail the request. */
  async function guard(action: () => void | Promise<void>): Promise<void> {
    try {
      await action()
    } catch (error) {
      lapse.reportError(error)
    }
  }

  const sessionHooks: SessionHooks = {
    create: {
      after: (session, context) => guard(() => noteSessionStart(session, context, reporter, newSessions)),
    },
    update: { after: (session) => guard(() => session && reporter.active(session)) },
    delete: {
      // Before the row is gone, because the browser may be back within milliseconds.
      before: (session, context) =>
        guard(() => {
          const { token } = readSessionRow(session)
          const isUnknown = newSessions.get(token)?.isHeld
          newSessions.delete(token)
          if (!isUnknown) reporter.ended(session, chooseEndReason(context?.path))
        }),
    },
  }

  return {
    id: 'lapse',
    init(context) {
      stop()
      const { expiresIn, updateAge } = context.sessionConfig
      const { disableSessionRefresh } = context.options.session ?? {}
      reporter.rules = {
        expiresInSeconds: expiresIn,
        isExtended: !disableSessionRefresh && updateAge < expiresIn,
      }
      stop = startJob(context, options, reporter, lapse)
      return { options: { databaseHooks: { session: sessionHooks } } }
    },
    hooks: {
      after: [
        {
          matcher: ({ context }) => Boolean(context.newSession),
          handler: createAuthMiddleware((context) => guard(() => noteSignIn(context, reporter, newSessions))),
        },
        {
          matcher: ({ path }) => path === '/get-session',
          handler: createAuthMiddleware(async (context) => {
            let answer: unknown
            await guard(() => {
              answer = addLapseSession(context.context, lapse, reporter)
            })
            return answer
          }),
        },
      ],
    },
    stop: () => stop(),
  }
}

/** @returns a function that stops the job. */
function startJob(
  { adapter, options: { session, secondaryStorage } }: AuthContext,
  { expiredSessions }: LapsePluginOptions,
  reporter: SessionReporter,
  lapse: LapseServer,
): () => void {
  // Rows in the database are then missing, or kept after the end of their sessions.
  const hasOtherRows =
    secondaryStorage && (!session?.storeSessionInDatabase || session.preserveSessionInDatabase)
  if (expiredSessions === false || hasOtherRows) return () => {}
  return startExpiredSessionJob({
    everySeconds: expiredSessions?.everySeconds ?? defaultEverySeconds,
    adapter,
    onExpired: (row) => reporter.ended(row, 'revoked'),
    onError: (error) => lapse.reportError(error),
  })
}
