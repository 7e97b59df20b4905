import type { LapseServer } from '../lapseServer.ts'

/** Runs what Lapse does in a hook of Auth.js. What it throws is an event of Lapse, and nothing to Auth.js. */
export function guard<Result>(lapse: LapseServer, action: () => Result): Result | undefined {
  try {
    return action()
  } catch (error) {
    lapse.reportError(error)
    return undefined
  }
}

/** The same as `guard` for an asynchronous action. */
export async function guardAsync<Result>(
  lapse: LapseServer,
  action: () => Result | PromiseLike<Result>,
): Promise<Result | undefined> {
  try {
    return await action()
  } catch (error) {
    lapse.reportError(error)
    return undefined
  }
}
