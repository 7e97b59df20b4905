import { createLapse } from '@lapse/client'
import type { DashboardSession } from '../api/types.ts'
import { formatDuration } from '../format/numbers.ts'

/** The dashboard audits its own sessions: it reports them to its own collector as the site `lapse`. */
const lapse = createLapse({
  site: 'lapse',
  collector: new URL('.', location.href).href,
  cookie: { sameSite: 'strict' },
  // Only user requests extend the session, so `recordActivity` reports them one by one.
  touchOn: ['load'],
})

export function recordSignIn({ token, session, ticket }: DashboardSession): void {
  lapse.active({ subject: token.id, session, ticket })
}

/** Records that a user request has extended the session. */
export function recordActivity(): void {
  lapse.touch()
}

export function recordSignOut(): void {
  lapse.logout({ report: true })
}

/** Reports that nobody is signed in. Resolves to a message for the user, or null if the reason is unknown. */
export async function reportMissingSession(): Promise<string | null> {
  const verdict = await lapse.absent()
  if (!verdict || verdict.pending) return null
  switch (verdict.reason) {
    case 'idle_timeout':
      return `You were signed out after ${formatDuration(Number(verdict.idleTimeoutSeconds) * 1000)} without activity.`
    case 'absolute_timeout':
      return 'You were signed out because your session reached its maximum age.'
    case 'ended_early':
      return 'You were signed out because your token expired or was revoked.'
    default:
      return null
  }
}
