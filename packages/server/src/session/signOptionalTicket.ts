import { LapseServerError } from '../errors.ts'
import type { LapseServer } from '../lapseServer.ts'
import type { Session } from './session.ts'

/** Signs a ticket, or returns undefined if there is no secret and no key: tickets are optional. */
export function signOptionalTicket(lapse: LapseServer, session: Session): string | undefined {
  try {
    return lapse.ticket(session)
  } catch (error) {
    if (error instanceof LapseServerError && error.code === 'invalid_option') return undefined
    throw error
  }
}
