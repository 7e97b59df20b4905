import type { JWT } from '@auth/core/jwt'
import type { LapseServer } from '../lapseServer.ts'
import { type Callbacks, callSession, type Events, type JwtParameters } from './callbacks.ts'
import { getEndReporter } from './endReporter.ts'
import { guard, guardAsync } from './guard.ts'
import { addIdentity } from './identity.ts'
import { type AuthOptions, listSessionCookieNames, type WithLapseOptions } from './options.ts'
import { getRequestScope } from './requestScope.ts'
import {
  adoptToken,
  describeEndedToken,
  readEarlierToken,
  readTokenSession,
  type TokenSession,
} from './token.ts'

/**
 * Creates the hooks of the strategy `jwt`: the alias and the times are in the token.
 *
 * @param getOptions returns the configuration that Auth.js uses, with what Auth.js has added to it.
 */
export function createJwtHooks(
  lapse: LapseServer,
  config: AuthOptions,
  getOptions: () => AuthOptions,
  { subject, isActivity = () => true, refusalReason = () => 'revoked' }: WithLapseOptions,
): {
  readonly callbacks: Pick<Callbacks, 'jwt' | 'session'>
  readonly events: Pick<Events, 'session' | 'signOut'>
} {
  const { callbacks, events, adapter } = config
  const ends = getEndReporter(lapse)
  const cookieNames = listSessionCookieNames(config)

  function start({ user, account, token }: JwtParameters): TokenSession {
    const isMadeUp = !adapter && (account?.type === 'oauth' || account?.type === 'oidc')
    const id = isMadeUp ? `${account.provider}:${account.providerAccountId}` : (user.id ?? token.sub ?? '')
    const session = lapse.createSession(subject ? subject({ user, account, token }) : id)
    return { ...session, lastAccessAt: session.startedAt }
  }

  function resume(token: JWT): TokenSession | undefined {
    const session = readTokenSession(token) ?? adoptToken(token)
    if (!session || !isActivity(getRequestScope()?.request)) return session
    return { ...session, lastAccessAt: Date.now() }
  }

  async function displaceEarlier(): Promise<void> {
    const request = getRequestScope()?.request
    const earlier = request && describeEndedToken(await readEarlierToken(getOptions(), request))
    if (earlier) ends.report(earlier, 'displaced')
  }

  function refuse(token: JWT): void {
    const ended = describeEndedToken(token)
    if (ended) ends.report(ended, refusalReason(token))
  }

  function reportActivity(token: JWT): void {
    const session = readTokenSession(token)
    const scope = getRequestScope()
    if (!session || !isActivity(scope?.request)) return
    const report = () => guard(lapse, () => lapse.active(session))
    if (!scope) report()
    // The new token has to reach the browser: `getSession` of some frameworks drops it.
    else
      scope.whenAnswered(session.session, (names) => {
        if (cookieNames.some((name) => names.has(name))) report()
      })
  }

  return {
    callbacks: {
      async jwt(parameters) {
        const isSignIn = parameters.trigger === 'signIn' || parameters.trigger === 'signUp'
        const { token } = parameters
        // Before the application's callback: it may copy what a browser or a provider has sent into the token.
        const session = guard(lapse, () => (isSignIn ? start(parameters) : resume(token)))
        const known = session ? { ...token, lapse: session } : token
        const result = callbacks?.jwt ? await callbacks.jwt({ ...parameters, token: known }) : known
        if (isSignIn) await guardAsync(lapse, displaceEarlier)
        if (result === null || !session) {
          if (result === null && !isSignIn) guard(lapse, () => refuse(token))
          return result
        }
        if (isSignIn) guard(lapse, () => lapse.active(session))
        return { ...result, lapse: session }
      },
      async session(parameters) {
        const answer = await callSession(callbacks, parameters)
        const session = guard(lapse, () => readTokenSession(parameters.token))
        if (!session || !answer) return answer
        return guard(lapse, () => addIdentity(lapse, answer, session)) ?? answer
      },
    },
    events: {
      session(message) {
        guard(lapse, () => reportActivity(message.token))
        return events?.session?.(message)
      },
      signOut(message) {
        guard(lapse, () => {
          const ended = describeEndedToken('token' in message ? message.token : null)
          if (ended) ends.report(ended, 'logout')
        })
        return events?.signOut?.(message)
      },
    },
  }
}
