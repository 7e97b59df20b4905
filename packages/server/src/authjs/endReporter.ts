import type { LapseServer } from '../lapseServer.ts'
import type { EndInput, EndReason } from '../reports.ts'

const maxRemembered = 10_000

/** What is known of a session when it ends. */
export interface EndedSession {
  readonly subject?: string | undefined
  readonly session: string
  readonly startedAt?: number | undefined
  readonly lastAccessAt?: number | undefined
  /** When the session's time is up, in epoch milliseconds. */
  readonly expiresAt?: number | undefined
}

/** Reports the ends of sessions. */
export interface EndReporter {
  /** Reports the reason, or the times alone if the session's time was up before: that is a timeout, whatever followed. */
  report(ended: EndedSession, reason: EndReason | undefined): void
}

const reporters = new WeakMap<LapseServer, EndReporter>()

/** Returns the reporter of a `LapseServer`, which is the same for all configurations. */
export function getEndReporter(lapse: LapseServer): EndReporter {
  const existing = reporters.get(lapse)
  if (existing) return existing
  const reporter = createEndReporter(lapse)
  reporters.set(lapse, reporter)
  return reporter
}

/** A browser can repeat a request with a session that has ended. It must not be able to fill the queue. */
function createEndReporter(lapse: LapseServer): EndReporter {
  const reported = new Set<string>()
  return {
    report({ subject, session, startedAt, lastAccessAt, expiresAt }, reason) {
      const detectedAt = Date.now()
      const isExpired = expiresAt !== undefined && expiresAt < detectedAt && lastAccessAt !== undefined
      const end: EndInput = {
        subject,
        session,
        startedAt,
        lastAccessAt,
        detectedAt,
        reason: isExpired ? undefined : reason,
      }
      const key = `${session} ${end.reason} ${lastAccessAt}`
      if (reported.has(key)) return
      const [oldest] = reported
      if (oldest !== undefined && reported.size >= maxRemembered) reported.delete(oldest)
      reported.add(key)
      lapse.ended(end)
    },
  }
}
