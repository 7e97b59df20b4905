/** The host's limits for one session. */
export interface Limits {
  readonly idleTimeoutSeconds: number
  readonly absoluteTimeoutSeconds?: number | undefined
  /**
   * How far the browser's last access may differ from the server's. `computeDefaultGraceSeconds` returns the default.
   * For a limit that is not longer than this, the grace period is a tenth of the limit.
   */
  readonly graceSeconds?: number | undefined
  /**
   * How much earlier than the idle timeout a session may end, because the host does not extend it on every access.
   * Default: 0. It is less than the idle timeout without its grace period.
   */
  readonly refreshSeconds?: number | undefined
}

/** The default grace period is this long, or a tenth of the idle timeout if that is less. */
export const maxDefaultGraceSeconds = 10

export function computeDefaultGraceSeconds(idleTimeoutSeconds: number): number {
  return Math.min(maxDefaultGraceSeconds, idleTimeoutSeconds / 10)
}

/**
 * Computes the grace period for one of the limits. A ticket can set a limit that is shorter than the site's grace
 * period. With the full grace period, every session would then time out immediately.
 */
export function computeGraceSeconds(
  limitSeconds: number,
  { idleTimeoutSeconds, graceSeconds }: Pick<Limits, 'idleTimeoutSeconds' | 'graceSeconds'>,
): number {
  const grace = graceSeconds ?? computeDefaultGraceSeconds(idleTimeoutSeconds)
  return grace < limitSeconds ? grace : limitSeconds / 10
}

/** Computes how long a session must be idle to time out, if every access extends it. */
function computeMinIdleSeconds(limits: Pick<Limits, 'idleTimeoutSeconds' | 'graceSeconds'>): number {
  return limits.idleTimeoutSeconds - computeGraceSeconds(limits.idleTimeoutSeconds, limits)
}

/** The limits in a ticket, as far as it has any. */
interface ClaimedLimits {
  readonly idleTimeoutSeconds: number | undefined
  readonly absoluteTimeoutSeconds: number | undefined
}

/**
 * Replaces a site's limits with those of a ticket.
 *
 * If the ticket's idle timeout is shorter than the site's, `refreshSeconds` shrinks in proportion. Otherwise it could
 * exceed the idle timeout, and every session would time out immediately.
 */
export function applyClaimedLimits(site: Limits, claims: ClaimedLimits | undefined): Limits {
  const {
    idleTimeoutSeconds = site.idleTimeoutSeconds,
    absoluteTimeoutSeconds = site.absoluteTimeoutSeconds,
  } = claims ?? {}
  const limits = { ...site, idleTimeoutSeconds, absoluteTimeoutSeconds }
  const { refreshSeconds } = site
  if (!refreshSeconds || idleTimeoutSeconds >= site.idleTimeoutSeconds) return limits
  return {
    ...limits,
    refreshSeconds: (refreshSeconds * computeMinIdleSeconds(limits)) / computeMinIdleSeconds(site),
  }
}
