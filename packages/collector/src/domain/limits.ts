import type { TicketClaims } from './ticket.ts'

/** The host's limits for one session. */
export interface Limits {
  readonly idleTimeoutSeconds: number
  readonly absoluteTimeoutSeconds?: number | undefined
  /**
   * How far the browser's last access may differ from the server's. Default: the smaller of 10 seconds and a tenth of
   * the idle timeout. For a limit that is not longer than this, the grace is a tenth of the limit.
   */
  readonly graceSeconds?: number | undefined
  /**
   * How much earlier than the idle timeout a session may end, because the host does not extend it on every access.
   * Default: 0. It is less than the idle timeout without its grace.
   */
  readonly refreshSeconds?: number | undefined
}

/**
 * Returns the grace for one of the limits. A ticket can set a limit that is shorter than the site's grace. With the full
 * grace, every session would then time out immediately.
 */
export function findGraceSeconds(
  limitSeconds: number,
  { idleTimeoutSeconds, graceSeconds }: Pick<Limits, 'idleTimeoutSeconds' | 'graceSeconds'>,
): number {
  const grace = graceSeconds ?? Math.min(10, idleTimeoutSeconds / 10)
  return grace < limitSeconds ? grace : limitSeconds / 10
}

/** Returns the earliest idle time, without the grace, that the idle timeout can have ended. */
export function findMinIdleSeconds(limits: Pick<Limits, 'idleTimeoutSeconds' | 'graceSeconds'>): number {
  return limits.idleTimeoutSeconds - findGraceSeconds(limits.idleTimeoutSeconds, limits)
}

/**
 * Replaces a site's limits with those of a ticket.
 *
 * If the ticket's idle timeout is shorter than the site's, `refreshSeconds` shrinks in proportion. Otherwise it could
 * exceed the idle timeout, and every session would time out immediately.
 */
export function applyClaimedLimits(
  site: Limits,
  claims: Pick<TicketClaims, 'idleTimeoutSeconds' | 'absoluteTimeoutSeconds'> | undefined,
): Limits {
  const {
    idleTimeoutSeconds = site.idleTimeoutSeconds,
    absoluteTimeoutSeconds = site.absoluteTimeoutSeconds,
  } = claims ?? {}
  const limits = { ...site, idleTimeoutSeconds, absoluteTimeoutSeconds }
  const { refreshSeconds } = site
  if (!refreshSeconds || idleTimeoutSeconds >= site.idleTimeoutSeconds) return limits
  return {
    ...limits,
    refreshSeconds: (refreshSeconds * findMinIdleSeconds(limits)) / findMinIdleSeconds(site),
  }
}
