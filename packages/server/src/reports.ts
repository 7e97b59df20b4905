import { LapseServerError } from './errors.ts'
import { formatId, formatTime, type Time } from './values.ts'

/** Why a session ended, if the server knows. */
export type EndReason = 'idle_timeout' | 'absolute_timeout' | 'logout' | 'revoked' | 'displaced'

/** "This session was used." */
export interface ActivityInput {
  /** The session alias. */
  readonly session: string | number
  /** An opaque id of the user. */
  readonly subject?: string | number | undefined
  /** When the user signed in. */
  readonly startedAt?: Time | undefined
  /** When the session was last used. Default: now. */
  readonly lastAccessAt?: Time | undefined
  /** This session's own idle timeout in seconds, if it differs from the option: "remember me". */
  readonly idleTimeoutSeconds?: number | undefined
}

/** "This session has ended." */
export interface EndInput {
  /** The session alias. */
  readonly session: string | number
  /** An opaque id of the user. */
  readonly subject?: string | number | undefined
  /** Why. Without it, the collector decides by the times, so `lastAccessAt` is required. */
  readonly reason?: EndReason | undefined
  /** When the user signed in. */
  readonly startedAt?: Time | undefined
  /** When the session was last used. Default: what the collector knows from activity. */
  readonly lastAccessAt?: Time | undefined
  /** When the session ended. Default: now. */
  readonly detectedAt?: Time | undefined
}

/** "All sessions of this user have ended", for example after a change of the password. */
export interface SubjectEndInput {
  /** Left out, because all sessions of the user have ended. */
  readonly session?: undefined
  /** An opaque id of the user. */
  readonly subject: string | number
  /** Why. */
  readonly reason: EndReason
  /** The alias of a session that continues. */
  readonly except?: string | number | undefined
  /** When the sessions ended. Default: now. */
  readonly detectedAt?: Time | undefined
}

/** A report that waits for the collector. The sender adds `site` and `sentAt`. */
export interface QueuedReport {
  readonly kind: 'activity' | 'end' | 'subject_end'
  readonly body: Readonly<Record<string, string | number>>
}

const reasons: readonly unknown[] = ['idle_timeout', 'absolute_timeout', 'logout', 'revoked', 'displaced']

/**
 * @param ticket the session's ticket, if it says more than the site's configuration.
 * @throws {LapseServerError} `invalid_report`
 */
export function createActivityReport(
  input: ActivityInput,
  ticket: string | undefined,
  now: number,
): QueuedReport {
  const { session, subject, startedAt, lastAccessAt } = input
  return {
    kind: 'activity',
    body: removeUndefined({
      session: formatId(session, 'session'),
      subject: formatOptionalId(subject, 'subject'),
      startedAt: formatOptionalTime(startedAt, 'startedAt'),
      lastAccessAt: formatOptionalTime(lastAccessAt, 'lastAccessAt') ?? now,
      ticket,
    }),
  }
}

/** @throws {LapseServerError} `invalid_report` */
export function createEndReport(input: EndInput | SubjectEndInput, now: number): QueuedReport {
  if (input.reason !== undefined && !reasons.includes(input.reason))
    throw invalid(`reason is "${input.reason}". Use one of ${reasons.join(', ')}.`)
  const detectedAt = formatOptionalTime(input.detectedAt, 'detectedAt') ?? now
  if (input.session === undefined || input.session === null) return createSubjectEndReport(input, detectedAt)
  const { session, subject, reason, startedAt, lastAccessAt } = input
  if (reason === undefined && lastAccessAt === undefined)
    throw invalid('reason and lastAccessAt are both missing. Pass at least one of them.')
  return {
    kind: 'end',
    body: removeUndefined({
      session: formatId(session, 'session'),
      subject: formatOptionalId(subject, 'subject'),
      reason,
      startedAt: formatOptionalTime(startedAt, 'startedAt'),
      lastAccessAt: formatOptionalTime(lastAccessAt, 'lastAccessAt'),
      detectedAt,
    }),
  }
}

function createSubjectEndReport(input: Partial<SubjectEndInput>, detectedAt: number): QueuedReport {
  const { subject, reason, except } = input
  if (reason === undefined) throw invalid('reason is missing. Without a session, a reason is required.')
  return {
    kind: 'subject_end',
    body: removeUndefined({
      subject: formatId(subject, 'subject'),
      reason,
      except: formatOptionalId(except, 'except'),
      detectedAt,
    }),
  }
}

function formatOptionalId(id: string | number | undefined, name: string): string | undefined {
  return id === undefined ? undefined : formatId(id, name)
}

function formatOptionalTime(time: Time | undefined, name: string): number | undefined {
  return time === undefined ? undefined : formatTime(time, name)
}

function removeUndefined(
  body: Readonly<Record<string, string | number | undefined>>,
): Record<string, string | number> {
  const entries = Object.entries(body).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  )
  return Object.fromEntries(entries)
}

function invalid(message: string): LapseServerError {
  return new LapseServerError('invalid_report', message)
}

/** Merges two reports of one session's activity. */
export function mergeActivity(earlier: QueuedReport, later: QueuedReport): QueuedReport {
  const pick = (choose: (...times: number[]) => number, name: string) => {
    const times = [earlier.body[name], later.body[name]].filter((time) => typeof time === 'number')
    return times.length > 0 ? { [name]: choose(...times) } : {}
  }
  const body = {
    ...earlier.body,
    ...later.body,
    ...pick(Math.min, 'startedAt'),
    ...pick(Math.max, 'lastAccessAt'),
  }
  return { kind: 'activity', body }
}
