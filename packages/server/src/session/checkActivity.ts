import type { LapseServer } from '../lapseServer.ts'
import { attempt } from './attempt.ts'

/**
 * Asks the application whether a request has extended the session. If it throws, the request counts: otherwise, the
 * session would seem to end too early.
 */
export function checkActivity(lapse: Pick<LapseServer, 'reportError'>, isActivity: () => boolean): boolean {
  return attempt(lapse, () => Boolean(isActivity())) ?? true
}
