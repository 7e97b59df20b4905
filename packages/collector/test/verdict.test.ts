import { describe, expect, test } from 'vitest'
import { type JudgeInput, judge, type Reason } from '../src/domain/verdict.ts'

const minute = 60_000
const signIn = 1_800_000_000_000

interface Case {
  readonly lastAccess?: number
  readonly detected?: number
  readonly sent?: number
  readonly started?: number
  readonly restarted?: boolean
  readonly declared?: Reason
  readonly absoluteTimeoutSeconds?: number
  readonly idleTimeoutSeconds?: number
  readonly signedInAt?: number
  readonly received?: number
  readonly sender?: 'browser' | 'server'
}

/** Times are milliseconds after the sign-in; the idle timeout is 30 minutes, the grace 10 s. */
function verdictOf(times: Case) {
  const { started = 0, lastAccess = 10 * minute, detected = 60 * minute, sent = detected } = times
  const input: JudgeInput = {
    times: {
      startedAt: signIn + started,
      lastAccessAt: signIn + lastAccess,
      detectedAt: signIn + detected,
      sentAt: signIn + sent,
    },
    declared: times.declared,
    browserRestarted: times.restarted,
    limits: {
      idleTimeoutSeconds: times.idleTimeoutSeconds ?? 1800,
      absoluteTimeoutSeconds: times.absoluteTimeoutSeconds,
      graceSeconds: 10,
    },
    receivedAt: signIn + (times.received ?? sent),
    signedInAt: times.signedInAt === undefined ? undefined : signIn + times.signedInAt,
    sender: times.sender ?? 'browser',
  }
  return judge(input)
}

describe('the verdict', () => {
  test('is idle_timeout from the limit on, and names the instant of expiry', () => {
    const verdict = verdictOf({ lastAccess: 10 * minute, detected: 40 * minute })
    expect(verdict).toMatchObject({
      reason: 'idle_timeout',
      elapsedMs: 30 * minute,
      expiredAt: signIn + 40 * minute,
    })
  })

  test('is idle_timeout within the grace before the limit, and not a millisecond earlier', () => {
    expect(verdictOf({ lastAccess: 0, detected: 30 * minute - 10_000 }).reason).toBe('idle_timeout')
    expect(verdictOf({ lastAccess: 0, detected: 30 * minute - 10_001 }).reason).toBe('ended_early')
  })

  test('takes a tenth of a limit for the grace where a ticket names a limit that is no longer than the grace', () => {
    const idle = { idleTimeoutSeconds: 10, lastAccess: 0 }
    expect(verdictOf({ ...idle, detected: 8_999 }).reason).toBe('ended_early')
    expect(verdictOf({ ...idle, detected: 9_000 }).reason).toBe('idle_timeout')
    const absolute = { absoluteTimeoutSeconds: 5, lastAccess: 0 }
    expect(verdictOf({ ...absolute, detected: 4_499 }).reason).toBe('ended_early')
    expect(verdictOf({ ...absolute, detected: 4_500 }).reason).toBe('absolute_timeout')
  })

  test('names no expiry after the detection, neither within the grace nor for a declared timeout', () => {
    const detected = 30 * minute - 10_000
    const atDetection = { expiredAt: signIn + detected }
    expect(verdictOf({ lastAccess: 0, detected })).toMatchObject({ reason: 'idle_timeout', ...atDetection })
    const absolute = { lastAccess: detected, detected, absoluteTimeoutSeconds: 1800 }
    expect(verdictOf(absolute)).toMatchObject({ reason: 'absolute_timeout', ...atDetection })
    for (const declared of ['idle_timeout', 'absolute_timeout'] as const) {
      const times: Case = { declared, lastAccess: 0, detected: minute, absoluteTimeoutSeconds: 7200 }
      expect(verdictOf({ ...times, sender: 'server' }).expiredAt).toBe(signIn + minute)
    }
  })

  test('is absolute_timeout for a session that was busy to the end of its whole age', () => {
    const verdict = verdictOf({
      lastAccess: 119 * minute,
      detected: 120 * minute,
      absoluteTimeoutSeconds: 7200,
    })
    expect(verdict).toMatchObject({ reason: 'absolute_timeout', expiredAt: signIn + 120 * minute })
  })

  test('prefers idle_timeout where both limits have passed', () => {
    const reason = verdictOf({ detected: 200 * minute, absoluteTimeoutSeconds: 7200 }).reason
    expect(reason).toBe('idle_timeout')
  })

  test('is browser_closed, without an expiry, for a browser that was closed before any limit', () => {
    const verdict = verdictOf({ detected: 12 * minute, restarted: true })
    expect(verdict).toMatchObject({ reason: 'browser_closed', expiredAt: undefined })
  })

  test('is idle_timeout when the browser was closed but the idle timeout has passed', () => {
    expect(verdictOf({ restarted: true }).reason).toBe('idle_timeout')
  })

  test('is ended_early for a session that was gone before its time', () => {
    expect(verdictOf({ detected: 12 * minute })).toMatchObject({
      reason: 'ended_early',
      expiredAt: undefined,
    })
  })

  test('is logout for a reported logout, however long ago the last access was', () => {
    expect(verdictOf({ declared: 'logout' })).toMatchObject({ reason: 'logout', expiredAt: undefined })
  })

  test.each<[string, Case]>([
    ['the detection lies before the last access', { lastAccess: 10 * minute, detected: 9 * minute - 1 }],
    ['the last access lies before the sign-in', { lastAccess: -minute - 1 }],
    [
      'the last access lies in the future',
      { lastAccess: 10 * minute, detected: 10 * minute, sent: 9 * minute - 1 },
    ],
    ['the clock was set back between detection and sending', { detected: 60 * minute, sent: 30 * minute }],
    ['the last access lies before the signed sign-in', { lastAccess: 0, signedInAt: minute + 1 }],
    [
      'a reported logout contradicts itself',
      { declared: 'logout', lastAccess: 62 * minute, detected: 60 * minute },
    ],
  ])('is clock_anomaly when %s', (_, times) => {
    expect(verdictOf(times)).toMatchObject({ reason: 'clock_anomaly', expiredAt: undefined })
  })

  test('forgives contradictions of up to a minute', () => {
    expect(verdictOf({ lastAccess: 10 * minute, detected: 9 * minute }).reason).toBe('ended_early')
    expect(verdictOf({ lastAccess: 0, signedInAt: minute }).reason).toBe('idle_timeout')
  })

  describe('of a session whose sign-in is signed', () => {
    const hour = 60 * minute
    const busyUntilNow = { absoluteTimeoutSeconds: 43_200, lastAccess: -5 * minute, detected: 0 }

    test('cannot be made absolute_timeout by a session start before the sign-in', () => {
      const verdict = verdictOf({ ...busyUntilNow, started: -13 * hour, signedInAt: -hour })
      expect(verdict).toMatchObject({ reason: 'ended_early', expiredAt: undefined })
    })

    test('is judged as usual when its marker began on a page before the sign-in', () => {
      const times = { started: -2 * hour, signedInAt: 0, lastAccess: hour, detected: 2 * hour }
      expect(verdictOf(times)).toMatchObject({ reason: 'idle_timeout' })
    })

    test('stays absolute_timeout whatever later start the browser reports', () => {
      const verdict = verdictOf({ ...busyUntilNow, started: -hour, signedInAt: -14 * hour })
      expect(verdict).toMatchObject({ reason: 'absolute_timeout', expiredAt: signIn - 2 * hour })
    })

    test("counts the absolute limit from the sign-in by the collector's clock, however wrong the browser's is", () => {
      const skew = 180 * minute
      const times = { ...busyUntilNow, started: -hour, received: skew }
      const verdict = verdictOf({ ...times, signedInAt: skew - 14 * hour })
      expect(verdict).toMatchObject({ reason: 'absolute_timeout', expiredAt: signIn - 2 * hour })
      expect(verdictOf({ ...times, signedInAt: skew - 11 * hour }).reason).toBe('ended_early')
    })
  })

  describe('of a browser that remembers more than a cookie can', () => {
    const day = 1440 * minute
    const longAgo = { started: -401 * day, lastAccess: -401 * day, detected: -401 * day, sent: 0 }

    test.each<[string, Case]>([
      ['all of it happened 401 days ago', longAgo],
      ['the last access was 401 days ago', { started: -401 * day, lastAccess: -401 * day, detected: 0 }],
      ['only the sign-in was 401 days ago', { started: -401 * day, lastAccess: 0, detected: 40 * minute }],
      ['it is a logout', { ...longAgo, declared: 'logout' }],
      ['a ticket proves the sign-in, but nothing after it', { ...longAgo, signedInAt: -401 * day }],
    ])('is clock_anomaly when %s', (_, times) => {
      expect(verdictOf(times)).toMatchObject({ reason: 'clock_anomaly', expiredAt: undefined })
    })

    test('is the usual one for exactly 400 days', () => {
      const times = { started: -400 * day, lastAccess: -400 * day, detected: 0 }
      expect(verdictOf(times).reason).toBe('idle_timeout')
    })

    test('is the usual one when a ticket proves the old sign-in', () => {
      const times = { started: -800 * day, lastAccess: 0, detected: 40 * minute, signedInAt: -800 * day }
      expect(verdictOf(times).reason).toBe('idle_timeout')
    })

    test('is the usual one for a server, which may report its history', () => {
      expect(verdictOf({ ...longAgo, declared: 'revoked', sender: 'server' }).reason).toBe('revoked')
    })
  })

  test('does not depend on how wrong the clock of the browser is', () => {
    const threeHours = 180 * minute
    const right = verdictOf({ signedInAt: 0 })
    const wrong = verdictOf({ signedInAt: threeHours, received: 60 * minute + threeHours })
    expect(wrong).toEqual({ ...right, clockSkewMs: threeHours })
  })
})
