import type { JWT } from '@auth/core/jwt'
import type { LapseServer } from '../lapseServer.ts'
import { attempt } from '../session/attempt.ts'
import { attemptAsync } from '../session/attemptAsync.ts'
import { type Callbacks, callSession, type Events, type JwtParameters } from './callbacks.ts'
import { getEndReporter } from './endReporter.ts'
import { addIdentity, type TokenSession } from './identity.ts'
import type { AuthOptions, WithLapseOptions } from './options.ts'
import { createActivityReporter } from './reportActivity.ts'
import { getRequestScope } from './requestScope.ts'
import { adoptToken, describeEndedToken, readEarlierToken, readTokenSession } from './token.ts'

/** What `withLapse` replaces with the strategy `jwt`. */
interface JwtHooks {
  readonly callbacks: Pick<Callbacks, 'jwt' | 'session'>
  readonly events: Pick<Events, 'signOut'>
}

/**
 * Creates the hooks of the strategy `jwt`: the alias and the times are in the token.
 *
 * @param getOptions returns the configuration that Auth.js uses, with what Auth.js has added to it.
 */
export function createJwtHooks(
  lapse: LapseServer,
  config: AuthOptions,
  getOptions: () => AuthOptions,
  options: WithLapseOptions,
): JwtHooks {
  const { callbacks, events } = config
  const ends = getEndReporter(lapse)
  const reportActivity = createActivityReporter(lapse, config, options)
  return {
    callbacks: {
      jwt: createJwtCallback(lapse, config, getOptions, options),
      async session(parameters) {
        const answer = await callSession(callbacks, parameters)
        const session = attempt(lapse, () => readTokenSession(parameters.token))
        if (!session || !answer) return answer
        attempt(lapse, () => reportActivity(session))
        return attempt(lapse, () => addIdentity(lapse, answer, session)) ?? answer
      },
    },
    events: {
      signOut(message) {
        attempt(lapse, () => {
          const ended = describeEndedToken('token' in message ? message.token : null)
          if (ended) ends.report(ended, 'logout')
        })
        return events?.signOut?.(message)
      },
    },
  }
}

function createJwtCallback(
  lapse: LapseServer,
  config: AuthOptions,
  getOptions: () => AuthOptions,
  { subject, refusalReason = () => 'revoked' }: WithLapseOptions,
): Callbacks['jwt'] {
  const { callbacks, adapter } = config
  const ends = getEndReporter(lapse)

  function start({ user, account, token }: JwtParameters): TokenSession {
    const isMadeUp = !adapter && (account?.type === 'oauth' || account?.type === 'oidc')
    const id = isMadeUp ? `${account.provider}:${account.providerAccountId}` : (user.id ?? token.sub ?? '')
    const session = lapse.createSession(subject ? subject({ user, account, token }) : id)
    return { ...session, lastAccessAt: session.startedAt }
  }

  function resume(token: JWT): TokenSession | undefined {
    const session = readTokenSession(token) ?? adoptToken(token)
    return session && { ...session, lastAccessAt: Date.now() }
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

  return async (parameters) => {
    const { token, trigger } = parameters
    const isSignIn = trigger === 'signIn' || trigger === 'signUp'
    // Created first and set last: the application may copy what a browser or a provider has sent into the token.
    const session = attempt(lapse, () => (isSignIn ? start(parameters) : resume(token)))
    const known = session ? { ...token, lapse: session } : token
    const result = callbacks?.jwt ? await callbacks.jwt({ ...parameters, token: known }) : known
    if (isSignIn) await attemptAsync(lapse, displaceEarlier)
    else if (result === null) attempt(lapse, () => refuse(token))
    // An application that returns nothing fails as it does without Lapse.
    if (!result) return result
    if (isSignIn && session) attempt(lapse, () => lapse.active(session))
    return { ...result, lapse: session }
  }
}
