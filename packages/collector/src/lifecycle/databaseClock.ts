/** A clock in epoch milliseconds. */
export interface Clock {
  now(): number
}

/** A clock that is compared with the database's from time to time. */
export interface DatabaseClock extends Clock {
  /**
   * @param databaseTime the time of the database's clock, in epoch milliseconds.
   * @param readAt when it was read, by the monotonic clock of this process in milliseconds.
   */
  synchronize(databaseTime: number, readAt: number): void
}

/** A larger difference is a wrong clock. A smaller one is how long it takes to ask the database. */
const toleranceMs = 1_000

/**
 * Creates a clock that all collectors of a database share. It is this machine's clock as long as that agrees with the
 * database's. Otherwise it is the database's, so a clock that is set forward or back ends no session.
 *
 * @param machineClock epoch milliseconds
 * @param getElapsedMs milliseconds of a clock that nobody can set
 */
export function createDatabaseClock(
  machineClock: Clock = Date,
  getElapsedMs: () => number = () => performance.now(),
): DatabaseClock {
  let last: { readonly databaseTime: number; readonly readAt: number } | undefined
  return {
    now() {
      const machineTime = machineClock.now()
      if (!last) return machineTime
      const databaseTime = last.databaseTime + (getElapsedMs() - last.readAt)
      return Math.abs(machineTime - databaseTime) <= toleranceMs ? machineTime : Math.round(databaseTime)
    },
    synchronize(databaseTime, readAt) {
      last = { databaseTime, readAt }
    },
  }
}
