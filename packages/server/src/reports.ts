import { createInvalidReportError } from './errors.ts'
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
  /**
   * This session's own idle timeout in seconds, if it differs from the option: "remember me". It requires `subject`, and
   * `ticketSecret` or `ticketKey`, because a ticket states it.
   */
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
  /** The same as for activity. It only matters without a `reason`. */
  readonly idleTimeoutSeconds?: number | undefined
}

/** "All sessions of this user have ended", for example after a change of the password. */
export interface SubjectEndInput {
  /** An opaque id of the user. */
  readonly subject: string | number
  /** Why. */
  readonly reason: EndReason
  /** The alias of a session that continues. */
  readonly except?: string | number | undefined
  /** When the sessions ended. Sessions that start later continue. Default: now. */
  readonly detectedAt?: Time | undefined
}

/** The fields of a report, with its times in epoch milliseconds. `site`, `sentAt` and the interval are added later. */
export type ReportBody = Readonly<Record<string, string | number>>

/** A report that waits for the collector. */
export interface QueuedReport {
  readonly kind: 'activity' | 'end' | 'subject_end'
  readonly body: ReportBody
}

const reasons: readonly unknown[] = ['idle_timeout', 'absolute_timeout', 'logout', 'revoked', 'displaced']

/** @throws {LapseServerError} `invalid_report` */
export function createActivityReport(input: ActivityInput, now: number): QueuedReport {
  const { session, subject, startedAt, lastAccessAt } = requireObject(input)
  return {
    kind: 'activity',
    body: removeUndefined({
      session: formatId(session, 'session'),
      subject: formatOptionalId(subject, 'subject'),
      startedAt: formatOptionalTime(startedAt, 'startedAt'),
      lastAccessAt: formatOptionalTime(lastAccessAt, 'lastAccessAt') ?? now,
    }),
  }
}

/** @throws {LapseServerError} `invalid_report` */
export function createEndReport(input: EndInput, now: number): QueuedReport {
  const { session, subject, reason, startedAt, lastAccessAt, detectedAt } = requireObject(input)
  if (reason === undefined && lastAccessAt === undefined)
    throw createInvalidReportError('reason and lastAccessAt are both missing. Pass at least one of them.')
  return {
    kind: 'end',
    body: removeUndefined({
      session: formatId(session, 'session'),
      subject: formatOptionalId(subject, 'subject'),
      reason: reason === undefined ? undefined : checkReason(reason),
      startedAt: formatOptionalTime(startedAt, 'startedAt'),
      lastAccessAt: formatOptionalTime(lastAccessAt, 'lastAccessAt'),
      detectedAt: formatOptionalTime(detectedAt, 'detectedAt') ?? now,
    }),
  }
}

/** @throws {LapseServerError} `invalid_report` */
export function createSubjectEndReport(input: SubjectEndInput, now: number): QueuedReport {
  const { subject, reason, except, detectedAt } = requireObject(input)
  return {
    kind: 'subject_end',
    body: removeUndefined({
      subject: formatId(subject, 'subject'),
      reason: checkReason(reason),
      except: formatOptionalId(except, 'except'),
      detectedAt: formatOptionalTime(detectedAt, 'detectedAt') ?? now,
    }),
  }
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

/** In JavaScript, a caller can pass anything. */
function requireObject<Input extends object>(input: Input): Input {
  if (typeof input === 'object' && input !== null) return input
  throw createInvalidReportError(
    `The argument is ${input === null ? 'null' : typeof input}. Pass an object with the session.`,
  )
}

function checkReason(reason: EndReason): EndReason {
  if (reasons.includes(reason)) return reason
  throw createInvalidReportError(`reason is "${reason}". Use one of ${reasons.join(', ')}.`)
}

function formatOptionalId(id: string | number | undefined, name: string): string | undefined {
  return id === undefined ? undefined : formatId(id, name)
}

function formatOptionalTime(time: Time | undefined, name: string): number | undefined {
  return time === undefined ? undefined : formatTime(time, name)
}

function removeUndefined(body: Readonly<Record<string, string | number | undefined>>): ReportBody {
  const entries = Object.entries(body).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as const],
  )
  return Object.fromEntries(entries)
}
