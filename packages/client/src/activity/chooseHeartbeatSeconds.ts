const minDefaultSeconds = 15
const maxDefaultSeconds = 300

/**
 * Returns the shortest time between two activity reports, in seconds: the option, or a quarter of the idle timeout. It
 * is never more than half of the idle timeout, so that one lost report does not end a session.
 *
 * @param option `true` for the default
 * @param idleTimeoutSeconds if it is unknown, the default is the shortest one
 */
export function chooseHeartbeatSeconds(option: number | true, idleTimeoutSeconds = 0): number {
  const chosen =
    option === true
      ? Math.min(maxDefaultSeconds, Math.max(minDefaultSeconds, idleTimeoutSeconds / 4))
      : option
  return Math.max(1, Math.trunc(Math.min(chosen, idleTimeoutSeconds / 2 || chosen)))
}
