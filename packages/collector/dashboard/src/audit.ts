import { createLapse } from '@lapse/client'
import type { Session } from './api.ts'

/** The dashboard is audited as any other application is: by its own collector, as the site `lapse`. */
const lapse = createLapse({
  site: 'lapse',
  collector: new URL('.', location.href).href,
  cookie: { sameSite: 'strict' },
  // The collector tells which requests are a person's, so each of them is told by `accessed`.
  touchOn: ['load'],
})

export function signedIn({ token, session, ticket }: Session): void {
  lapse.active({ subject: token.id, session, ticket })
}

/** A request that put off the idle timeout of the session has succeeded. */
export function accessed(): void {
  lapse.touch()
}

export function signedOut(): void {
  lapse.logout({ report: true })
}

/** There is no session. Says whether one has ended by its idle timeout, and how long that was, in seconds. */
export async function foundNoSession(): Promise<number | null> {
  const lapsed = await lapse.absent()
  return lapsed && !lapsed.pending && lapsed.reason === 'idle_timeout' ? lapsed.idleTimeoutSeconds : null
}
