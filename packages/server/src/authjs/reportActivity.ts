import type { LapseServer } from '../lapseServer.ts'
import { attempt } from '../session/attempt.ts'
import type { LapseIdentity } from './identity.ts'
import { type AuthOptions, listSessionCookieNames, type WithLapseOptions } from './options.ts'
import { getRequestScope } from './requestScope.ts'

/**
 * Creates a function that reports a session that was read.
 *
 * Reading extends the session only if the cookie with its new expiry reaches the browser. `getSession` of `@auth/express`
 * and `auth()` in a server component drop it. Where the request is not watched, nobody knows, and every read counts.
 */
export function createActivityReporter(
  lapse: LapseServer,
  options: AuthOptions,
  { isActivity = () => true }: WithLapseOptions,
): (session: LapseIdentity) => void {
  const cookieNames = listSessionCookieNames(options)
  return (session) => {
    const scope = getRequestScope()
    if (!isActivity(scope?.request)) return
    if (!scope) {
      lapse.active(session)
      return
    }
    scope.whenAnswered(session.session, (names) => {
      if (cookieNames.some((name) => names.has(name))) attempt(lapse, () => lapse.active(session))
    })
  }
}
