import { createLapse } from '@lapse/client'
import type { Session } from '../api/fetchJson.ts'
import { asDuration } from '../format/dateTime.ts'

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

/** There is no session. Says why one has ended, in words for the reader, or nothing where that is not known. */
export async function foundNoSession(): Promise<string | null> {
  const lapsed = await lapse.absent()
  if (!lapsed || lapsed.pending) return null
  switch (lapsed.reason) {
    case 'idle_timeout':
      return `You were signed out after ${asDuration(Number(lapsed.idleTimeoutSeconds) * 1000)} without activity.`
    case 'absolute_timeout':
      return 'You were signed out: your session had reached the age at which it ends in any case.'
    case 'ended_early':
      return 'Your session has ended: its token was revoked or has expired.'
    default:
      return null
  }
}
