import type { AuthConfig } from '@auth/core'
import type { DefaultSession, Session } from '@auth/core/types'
import type { AuthOptions } from './options.ts'

export type Callbacks = Required<NonNullable<AuthConfig['callbacks']>>
export type Events = Required<NonNullable<AuthConfig['events']>>
export type JwtParameters = Parameters<Callbacks['jwt']>[0]
export type SessionParameters = Parameters<Callbacks['session']>[0]

/**
 * Calls the application's `session` callback, or does what Auth.js does without one.
 *
 * @param select does what Auth.js does.
 */
export async function callSession(
  callbacks: AuthOptions['callbacks'],
  parameters: SessionParameters,
  select = selectDefaultSession,
): Promise<Session> {
  const answer: Session | DefaultSession = callbacks?.session
    ? await callbacks.session(parameters)
    : select(parameters)
  return answer
}

/** What `auth()` of next-auth returns without a callback. Only the server's own code gets it. */
export function selectWholeSession({ session }: SessionParameters): DefaultSession {
  return { ...session, expires: new Date(session.expires).toISOString() }
}

/** With the strategy `database`, `session` contains the session's token, which must not be in the answer. */
function selectDefaultSession({ session }: SessionParameters): DefaultSession {
  const { user, expires } = session
  return {
    user: { name: user?.name, email: user?.email, image: user?.image } as NonNullable<DefaultSession['user']>,
    expires: new Date(expires).toISOString(),
  }
}
