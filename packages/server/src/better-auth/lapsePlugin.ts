import type { AuthContext, BetterAuthOptions, BetterAuthPlugin } from 'better-auth'
import type { LapseServer } from '../lapseServer.ts'
import { createDatabaseHooks } from './databaseHooks.ts'
import type { LifetimeRules } from './describeSession.ts'
import { createEndpointHooks } from './endpointHooks.ts'
import { startExpiredSessionJob } from './expiredSessionJob.ts'
import { createGuard } from './guard.ts'
import { NewSessions } from './newSessions.ts'
import { SessionReporter } from './sessionReporter.ts'
import { isStorageOnly } from './storageOnlyEnds.ts'

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
  /** The name of the plugin in better-auth. */
  readonly id: 'lapse'
  /** Called by better-auth, which adds the hooks of its database. */
  readonly init: (context: AuthContext) => { options: Pick<BetterAuthOptions, 'databaseHooks'> }
  /** The hooks of endpoints, called by better-auth. */
  readonly hooks: NonNullable<BetterAuthPlugin['hooks']>
  /** Stops looking for expired rows. Call it before `lapse.close()`. */
  readonly stop: () => void
}

const defaultEverySeconds = 60

/**
 * Creates a plugin for better-auth that reports its sessions: when they start, are extended and end.
 *
 * The answer of `get-session` gets a field `lapse`, for `lapseClientPlugin` and `getLapseSession`.
 *
 * @example
 * ```ts
 * export const auth = betterAuth({
 *   database,
 *   session: { expiresIn: 1800, updateAge: 60 },
 *   plugins: [lapsePlugin(lapse)],
 * })
 * ```
 */
export function lapsePlugin(lapse: LapseServer, options: LapsePluginOptions = {}): LapsePlugin {
  const guard = createGuard(lapse)
  const reporter = new SessionReporter(lapse)
  const newSessions = new NewSessions()
  let stop = () => {}
  return {
    id: 'lapse',
    init(context) {
      stop()
      void guard(() => {
        reporter.rules = readLifetimeRules(context)
        stop = startJob(context, options, reporter, lapse)
      })
      return { options: { databaseHooks: createDatabaseHooks(reporter, newSessions, guard) } }
    },
    hooks: createEndpointHooks(lapse, reporter, newSessions, guard),
    stop: () => stop(),
  }
}

function readLifetimeRules({ options, sessionConfig }: AuthContext): LifetimeRules {
  const { expiresIn, updateAge } = sessionConfig
  // Without either, the cookie is the session, and its expiry never moves.
  const isStored = options.database !== undefined || options.secondaryStorage !== undefined
  return {
    expiresInSeconds: expiresIn,
    isExtended: isStored && !options.session?.disableSessionRefresh && updateAge < expiresIn,
  }
}

/** @returns a function that stops the job. */
function startJob(
  { adapter, options }: AuthContext,
  { expiredSessions }: LapsePluginOptions,
  reporter: SessionReporter,
  lapse: LapseServer,
): () => void {
  // The database then keeps rows after the end of their sessions, or has none.
  const hasOtherRows = options.secondaryStorage && options.session?.preserveSessionInDatabase
  if (expiredSessions === false || hasOtherRows || isStorageOnly(options)) return () => {}
  return startExpiredSessionJob({
    everySeconds: expiredSessions?.everySeconds ?? defaultEverySeconds,
    adapter,
    onExpired: (row) => reporter.ended(row, 'revoked'),
    onError: (error) => lapse.reportError(error),
  })
}
