import type { LapseServer } from '../lapseServer.ts'
import { attemptAsync } from '../session/attemptAsync.ts'

/** Runs an action. Nothing that goes wrong in it reaches better-auth, where an exception would fail the request. */
export type Guard = (action: () => void | Promise<void>) => Promise<void>

/** Creates a guard that passes exceptions to the event `error`. */
export function createGuard(lapse: Pick<LapseServer, 'reportError'>): Guard {
  return (action) => attemptAsync(lapse, action)
}
