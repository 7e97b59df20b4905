import type { SessionEnd } from '../../domain/sessionEnd.ts'

/** Reasons that somebody gave at the time, as against those that the collector worked out later. */
const declared = new Set<SessionEnd['reason']>(['logout', 'revoked', 'displaced'])

/**
 * When the session ended, as well as it is known: when its time was over, when somebody ended it, or else when it was
 * last seen.
 */
export function endOf({ reason, expiredAt, lastAccessAt, detectedAt }: SessionEnd): Date {
  return expiredAt ?? (declared.has(reason) ? detectedAt : (lastAccessAt ?? detectedAt))
}

/** From the start of the session to its end, in milliseconds, where that can be told. */
export function durationMs(row: SessionEnd): number | undefined {
  if (row.startedAt === null) return undefined
  const duration = endOf(row).getTime() - row.startedAt.getTime()
  return duration >= 0 ? duration : undefined
}

/** One sentence for whoever reads a log. */
export function sentenceOf({ subject, site, reason }: SessionEnd): string {
  return `The session of ${subject ?? 'an unknown user'} at ${site} ended: ${reason.replaceAll('_', ' ')}.`
}

/** What the foreign formats have no place for. */
export function detailsOf(row: SessionEnd) {
  return {
    session_key: row.sessionKey,
    session: row.session,
    marker: row.marker,
    evidence: row.evidence,
    detected_by: row.detectedBy,
    last_access_at: row.lastAccessAt,
    expired_at: row.expiredAt,
    elapsed_ms: row.elapsedMs,
    idle_timeout_seconds: row.idleTimeoutSeconds,
    absolute_timeout_seconds: row.absoluteTimeoutSeconds,
    clock_skew_ms: row.clockSkewMs,
    browser_restarted: row.browserRestarted,
    client_version: row.clientVersion,
  }
}
