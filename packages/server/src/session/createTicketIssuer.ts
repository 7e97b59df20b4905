import { createInvalidReportError } from '../errors.ts'
import type { Settings } from '../options.ts'
import { formatId, formatTime } from '../values.ts'
import { createTicketSigner } from './createTicketSigner.ts'
import { isIdleTimeout, maxIdleTimeoutSeconds, type Session } from './session.ts'

/** How many sessions without `startedAt` keep the time of their first ticket. */
const maxRemembered = 100_000
/** The collector refuses a ticket from further in the future. */
const clockToleranceMs = 60_000

/**
 * Returns a function that issues the ticket of a session, or undefined without a secret or a key.
 *
 * The function throws a `LapseServerError` (`invalid_report`) if the session is not valid.
 */
export function createTicketIssuer(settings: Settings): (session: Session) => string | undefined {
  const signTicket = createTicketSigner(settings)
  const findStart = createStartMemory()
  return (session) => {
    if (!signTicket) return undefined
    if (typeof session !== 'object' || session === null)
      throw createInvalidReportError('The session is missing. Pass an object.')
    const idle = session.idleTimeoutSeconds ?? settings.idleTimeoutSeconds
    if (!isIdleTimeout(idle))
      throw createInvalidReportError(
        `idleTimeoutSeconds is not a whole number of seconds from 1 to ${maxIdleTimeoutSeconds}.`,
      )
    const sid = formatId(session.session, 'session')
    const startedAt =
      session.startedAt === undefined ? findStart(sid) : formatTime(session.startedAt, 'startedAt')
    if (startedAt > Date.now() + clockToleranceMs)
      throw createInvalidReportError('startedAt is in the future. Compare the clocks of your servers.')
    return signTicket({
      iss: settings.site,
      sub: formatId(session.subject, 'subject'),
      sid,
      iat: Math.floor(startedAt / 1000),
      idle,
      abs: settings.absoluteTimeoutSeconds,
    })
  }
}

/** All tickets of a session must have the same time. */
function createStartMemory(): (session: string) => number {
  const starts = new Map<string, number>()
  return (session) => {
    const known = starts.get(session)
    if (known !== undefined) return known
    const [oldest] = starts.keys()
    if (oldest !== undefined && starts.size >= maxRemembered) starts.delete(oldest)
    const now = Date.now()
    starts.set(session, now)
    return now
  }
}
