import type { LapseServer } from '../lapseServer.ts'

/** Runs something that must not throw into the host. An error goes to the event `error`. */
export function attempt<Result>(
  lapse: Pick<LapseServer, 'reportError'>,
  action: () => Result,
): Result | undefined {
  try {
    return action()
  } catch (error) {
    lapse.reportError(error)
    return undefined
  }
}
