import type { LapseServer } from '../lapseServer.ts'

/** The same as `attempt` for an action that may be asynchronous. */
export async function attemptAsync<Result>(
  lapse: Pick<LapseServer, 'reportError'>,
  action: () => Result | PromiseLike<Result>,
): Promise<Result | undefined> {
  try {
    return await action()
  } catch (error) {
    lapse.reportError(error)
    return undefined
  }
}
