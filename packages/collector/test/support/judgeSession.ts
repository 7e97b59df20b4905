import { type JudgeInput, judge, type Reason } from '../../src/domain/verdict.ts'

export const minute = 60_000
/** The sign-in of the session, in epoch milliseconds. */
export const signIn = 1_800_000_000_000

export interface JudgeCase {
  readonly lastAccess?: number
  readonly detected?: number
  readonly sent?: number
  readonly started?: number
  readonly restarted?: boolean
  readonly declaredReason?: Reason
  readonly absoluteTimeoutSeconds?: number
  readonly idleTimeoutSeconds?: number
  readonly refreshSeconds?: number
  readonly signedInAt?: number
  readonly received?: number
  readonly sender?: 'browser' | 'server'
}

/** Times are milliseconds after the sign-in; the idle timeout is 30 minutes, the grace period 10 s. */
export function judgeSession(times: JudgeCase) {
  const { started = 0, lastAccess = 10 * minute, detected = 60 * minute, sent = detected } = times
  const input: JudgeInput = {
    times: {
      startedAt: signIn + started,
      lastAccessAt: signIn + lastAccess,
      detectedAt: signIn + detected,
      sentAt: signIn + sent,
    },
    declaredReason: times.declaredReason,
    browserRestarted: times.restarted,
    limits: {
      idleTimeoutSeconds: times.idleTimeoutSeconds ?? 1800,
      absoluteTimeoutSeconds: times.absoluteTimeoutSeconds,
      graceSeconds: 10,
      refreshSeconds: times.refreshSeconds,
    },
    receivedAt: signIn + (times.received ?? sent),
    signedInAt: times.signedInAt === undefined ? undefined : signIn + times.signedInAt,
    sender: times.sender ?? 'browser',
  }
  return judge(input)
}
