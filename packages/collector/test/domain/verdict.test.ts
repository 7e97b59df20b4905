import { describe, expect, test } from 'vitest'
import { type JudgeCase, judgeSession, minute, signIn } from '../support/judgeSession.ts'

describe('The verdict', () => {
  test('A session that reaches its idle timeout ends with idle_timeout at that instant', () => {
    const verdict = judgeSession({ lastAccess: 10 * minute, detected: 40 * minute })
    expect(verdict).toMatchObject({
      reason: 'idle_timeout',
      elapsedMs: 30 * minute,
      expiredAt: signIn + 40 * minute,
    })
  })

  test('An idle timeout counts within the grace period before the limit, and not a millisecond earlier', () => {
    expect(judgeSession({ lastAccess: 0, detected: 30 * minute - 10_000 }).reason).toBe('idle_timeout')
    expect(judgeSession({ lastAccess: 0, detected: 30 * minute - 10_001 }).reason).toBe('ended_early')
  })

  test('If the limit in a ticket is not longer than the grace period, the grace period is a tenth of that limit', () => {
    const idle = { idleTimeoutSeconds: 10, lastAccess: 0 }
    expect(judgeSession({ ...idle, detected: 8_999 }).reason).toBe('ended_early')
    expect(judgeSession({ ...idle, detected: 9_000 }).reason).toBe('idle_timeout')
    const absolute = { absoluteTimeoutSeconds: 5, lastAccess: 0 }
    expect(judgeSession({ ...absolute, detected: 4_499 }).reason).toBe('ended_early')
    expect(judgeSession({ ...absolute, detected: 4_500 }).reason).toBe('absolute_timeout')
  })

  test('The expiry is never later than the detection, neither within the grace period nor for a declared timeout', () => {
    const detected = 30 * minute - 10_000
    const atDetection = { expiredAt: signIn + detected }
    expect(judgeSession({ lastAccess: 0, detected })).toMatchObject({
      reason: 'idle_timeout',
      ...atDetection,
    })
    const absolute = { lastAccess: detected, detected, absoluteTimeoutSeconds: 1800 }
    expect(judgeSession(absolute)).toMatchObject({ reason: 'absolute_timeout', ...atDetection })
    for (const declaredReason of ['idle_timeout', 'absolute_timeout'] as const) {
      const times: JudgeCase = {
        declaredReason,
        lastAccess: 0,
        detected: minute,
        absoluteTimeoutSeconds: 7200,
      }
      expect(judgeSession({ ...times, sender: 'server' }).expiredAt).toBe(signIn + minute)
    }
  })

  test('A session that is in use until its maximum age ends with absolute_timeout', () => {
    const verdict = judgeSession({
      lastAccess: 119 * minute,
      detected: 120 * minute,
      absoluteTimeoutSeconds: 7200,
    })
    expect(verdict).toMatchObject({ reason: 'absolute_timeout', expiredAt: signIn + 120 * minute })
  })

  test('A browser that closes before any limit gives browser_closed without an expiry', () => {
    const verdict = judgeSession({ detected: 12 * minute, restarted: true })
    expect(verdict).toMatchObject({ reason: 'browser_closed', expiredAt: undefined })
  })

  test('A closed browser does not hide an idle timeout', () => {
    expect(judgeSession({ restarted: true }).reason).toBe('idle_timeout')
  })

  test('A session that is gone before any limit gives ended_early without an expiry', () => {
    expect(judgeSession({ detected: 12 * minute })).toMatchObject({
      reason: 'ended_early',
      expiredAt: undefined,
    })
  })

  test.each<[string, JudgeCase]>([
    ['the detection lies before the last access', { lastAccess: 10 * minute, detected: 9 * minute - 1 }],
    ['the last access lies before the sign-in', { lastAccess: -minute - 1 }],
    [
      'the last access lies in the future',
      { lastAccess: 10 * minute, detected: 10 * minute, sent: 9 * minute - 1 },
    ],
    [
      'the clock was set back between the detection and sending',
      { detected: 60 * minute, sent: 30 * minute },
    ],
    ['the last access lies before the signed sign-in', { lastAccess: 0, signedInAt: minute + 1 }],
    [
      'a reported logout contradicts itself',
      { declaredReason: 'logout', lastAccess: 62 * minute, detected: 60 * minute },
    ],
  ])('The verdict is clock_anomaly when %s', (_, times) => {
    expect(judgeSession(times)).toMatchObject({ reason: 'clock_anomaly', expiredAt: undefined })
  })

  test('The verdict tolerates contradictions of up to a minute', () => {
    expect(judgeSession({ lastAccess: 10 * minute, detected: 9 * minute }).reason).toBe('ended_early')
    expect(judgeSession({ lastAccess: 0, signedInAt: minute }).reason).toBe('idle_timeout')
  })

  describe('on a session with a signed sign-in', () => {
    const hour = 60 * minute
    const busyUntilNow = { absoluteTimeoutSeconds: 43_200, lastAccess: -5 * minute, detected: 0 }

    test('A session start before the sign-in cannot cause an absolute_timeout', () => {
      const verdict = judgeSession({ ...busyUntilNow, started: -13 * hour, signedInAt: -hour })
      expect(verdict).toMatchObject({ reason: 'ended_early', expiredAt: undefined })
    })

    test('A marker that was created before the sign-in does not change the verdict', () => {
      const times = { started: -2 * hour, signedInAt: 0, lastAccess: hour, detected: 2 * hour }
      expect(judgeSession(times)).toMatchObject({ reason: 'idle_timeout' })
    })

    test('A later start from the browser cannot prevent an absolute_timeout', () => {
      const verdict = judgeSession({ ...busyUntilNow, started: -hour, signedInAt: -14 * hour })
      expect(verdict).toMatchObject({ reason: 'absolute_timeout', expiredAt: signIn - 2 * hour })
    })

    test("The absolute limit counts from the sign-in by the collector's clock, however wrong the browser's clock is", () => {
      const skew = 180 * minute
      const times = { ...busyUntilNow, started: -hour, received: skew }
      const verdict = judgeSession({ ...times, signedInAt: skew - 14 * hour })
      expect(verdict).toMatchObject({ reason: 'absolute_timeout', expiredAt: signIn - 2 * hour })
      expect(judgeSession({ ...times, signedInAt: skew - 11 * hour }).reason).toBe('ended_early')
    })
  })

  describe('on times older than a cookie can be', () => {
    const day = 1440 * minute
    const longAgo = { started: -401 * day, lastAccess: -401 * day, detected: -401 * day, sent: 0 }

    test.each<[string, JudgeCase]>([
      ['all of it happened 401 days ago', longAgo],
      ['the last access was 401 days ago', { started: -401 * day, lastAccess: -401 * day, detected: 0 }],
      ['only the sign-in was 401 days ago', { started: -401 * day, lastAccess: 0, detected: 40 * minute }],
      ['a logout happened 401 days ago', { ...longAgo, declaredReason: 'logout' }],
      ['a ticket proves the sign-in, but nothing after it', { ...longAgo, signedInAt: -401 * day }],
    ])('The verdict is clock_anomaly when %s', (_, times) => {
      expect(judgeSession(times)).toMatchObject({ reason: 'clock_anomaly', expiredAt: undefined })
    })

    test('A browser may report times of exactly 400 days ago', () => {
      const times = { started: -400 * day, lastAccess: -400 * day, detected: 0 }
      expect(judgeSession(times).reason).toBe('idle_timeout')
    })

    test('A browser may report an older sign-in that a ticket proves', () => {
      const times = { started: -800 * day, lastAccess: 0, detected: 40 * minute, signedInAt: -800 * day }
      expect(judgeSession(times).reason).toBe('idle_timeout')
    })

    test('A server may report older times, because it keeps its own records', () => {
      expect(judgeSession({ ...longAgo, declaredReason: 'revoked', sender: 'server' }).reason).toBe('revoked')
    })
  })

  test('A wrong browser clock does not change the verdict', () => {
    const threeHours = 180 * minute
    const right = judgeSession({ signedInAt: 0 })
    const wrong = judgeSession({ signedInAt: threeHours, received: 60 * minute + threeHours })
    expect(wrong).toEqual({ ...right, clockSkewMs: threeHours })
  })
})
