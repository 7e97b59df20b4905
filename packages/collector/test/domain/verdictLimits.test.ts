import { describe, expect, test } from 'vitest'
import { type JudgeCase, judgeSession, minute, signIn } from '../support/judgeSession.ts'

const hour = 60 * minute
const day = 24 * hour

describe('The verdict on a session that passed both limits', () => {
  const bothPassed: JudgeCase = { absoluteTimeoutSeconds: 7200, detected: 5 * hour }

  test('The idle timeout is the reason if it was reached first', () => {
    expect(judgeSession({ ...bothPassed, lastAccess: 89 * minute })).toMatchObject({
      reason: 'idle_timeout',
      expiredAt: signIn + 119 * minute,
    })
  })

  test('The absolute timeout is the reason if it was reached first', () => {
    expect(judgeSession({ ...bothPassed, lastAccess: 91 * minute })).toMatchObject({
      reason: 'absolute_timeout',
      expiredAt: signIn + 120 * minute,
    })
  })

  test('The idle timeout is the reason if both were reached at the same moment', () => {
    expect(judgeSession({ ...bothPassed, lastAccess: 90 * minute }).reason).toBe('idle_timeout')
  })

  test('An absolute limit that passed before the last access did not end the session', () => {
    const usedAfterwards = { ...bothPassed, lastAccess: 121 * minute }
    expect(judgeSession(usedAfterwards)).toMatchObject({
      reason: 'idle_timeout',
      expiredAt: signIn + 151 * minute,
    })
    const usedAtThatMoment = { ...bothPassed, lastAccess: 120 * minute }
    expect(judgeSession(usedAtThatMoment).reason).toBe('absolute_timeout')
  })

  test('An absolute limit that passed before the last access counts if the idle timeout was not reached', () => {
    const usedAfterwards = { ...bothPassed, lastAccess: 125 * minute, detected: 130 * minute }
    expect(judgeSession(usedAfterwards)).toMatchObject({
      reason: 'absolute_timeout',
      expiredAt: signIn + 120 * minute,
    })
  })

  test('A session whose age alone is limited ends with absolute_timeout once it was used', () => {
    const limits = { idleTimeoutSeconds: 7200, absoluteTimeoutSeconds: 7200 }
    const verdict = judgeSession({ ...limits, lastAccess: hour, detected: 9 * hour })
    expect(verdict).toMatchObject({ reason: 'absolute_timeout', expiredAt: signIn + 2 * hour })
  })
})

describe('The verdict on a logout in a browser', () => {
  test('A logout before any limit is a logout, to the millisecond', () => {
    const logout: JudgeCase = { declaredReason: 'logout', lastAccess: 0 }
    expect(judgeSession({ ...logout, detected: 30 * minute - 10_001 })).toMatchObject({
      reason: 'logout',
      expiredAt: undefined,
    })
    expect(judgeSession({ ...logout, detected: 30 * minute - 10_000 }).reason).toBe('idle_timeout')
  })

  test('A logout on a page whose session has expired is that timeout', () => {
    const logout: JudgeCase = { declaredReason: 'logout', lastAccess: 10 * minute, detected: 3 * hour }
    expect(judgeSession(logout)).toMatchObject({
      reason: 'idle_timeout',
      elapsedMs: 170 * minute,
      expiredAt: signIn + 40 * minute,
    })
    const old: JudgeCase = { ...logout, lastAccess: 170 * minute, absoluteTimeoutSeconds: 10_500 }
    expect(judgeSession(old)).toMatchObject({
      reason: 'absolute_timeout',
      expiredAt: signIn + 175 * minute,
    })
  })

  test('refreshSeconds does not turn a logout into a timeout', () => {
    const logout: JudgeCase = { declaredReason: 'logout', lastAccess: 0, refreshSeconds: 900 }
    expect(judgeSession({ ...logout, detected: 29 * minute }).reason).toBe('logout')
    expect(judgeSession({ ...logout, detected: 30 * minute }).reason).toBe('idle_timeout')
  })

  test('A browser that was closed before the logout does not change the reason', () => {
    const logout: JudgeCase = { declaredReason: 'logout', detected: 12 * minute, restarted: true }
    expect(judgeSession(logout).reason).toBe('logout')
  })

  test("An end by the host's own idle timer is an idle timeout, even before the known limit", () => {
    const timer: JudgeCase = { declaredReason: 'idle_timeout', lastAccess: 0, detected: 5 * minute }
    expect(judgeSession(timer)).toMatchObject({
      reason: 'idle_timeout',
      expiredAt: signIn + 5 * minute,
    })
  })

  test('A logout that a server states is a logout, however long ago the last access was', () => {
    const logout: JudgeCase = { declaredReason: 'logout', detected: 3 * hour, sender: 'server' }
    expect(judgeSession(logout)).toMatchObject({ reason: 'logout', expiredAt: undefined })
  })
})

describe('The verdict with refreshSeconds', () => {
  const roundcube = { idleTimeoutSeconds: 900, refreshSeconds: 300 }

  test.each<[string, { idleTimeoutSeconds: number; refreshSeconds: number }, number]>([
    ['ASP.NET, which extends in the second half of 14 days', toLimits(14 * day, 7 * day), 7 * day],
    ['better-auth, with expiresIn of 7 days and updateAge of 1 day', toLimits(7 * day, day), 6 * day],
    ['Auth.js, with maxAge of 30 days and updateAge of 1 day', toLimits(30 * day, day), 29 * day],
    ['koa-session, which renews in the second half of 1 day', toLimits(day, day / 2), day / 2],
    ['Roundcube, whose sessions of 10 minutes last up to 15', roundcube, 10 * minute],
  ])('%s: the earliest end by the framework is an idle timeout', (_, limits, earliest) => {
    const judgeAfter = (detected: number) => judgeSession({ ...limits, lastAccess: 0, detected }).reason
    expect(judgeAfter(earliest)).toBe('idle_timeout')
    expect(judgeAfter(earliest - 10_000)).toBe('idle_timeout')
    expect(judgeAfter(earliest - 10_001)).toBe('ended_early')
  })

  test('The expiry is the nominal one, but never later than the detection', () => {
    const idle = { ...roundcube, lastAccess: 0 }
    expect(judgeSession({ ...idle, detected: 11 * minute }).expiredAt).toBe(signIn + 11 * minute)
    expect(judgeSession({ ...idle, detected: hour }).expiredAt).toBe(signIn + 15 * minute)
  })

  test('The absolute limit stays exact', () => {
    const limits = { refreshSeconds: 900, absoluteTimeoutSeconds: 7200 }
    const judgeAfter = (detected: number) =>
      judgeSession({ ...limits, lastAccess: detected, detected }).reason
    expect(judgeAfter(2 * hour - 10_001)).toBe('ended_early')
    expect(judgeAfter(2 * hour - 10_000)).toBe('absolute_timeout')
  })
})

function toLimits(idleMs: number, refreshMs: number) {
  return { idleTimeoutSeconds: idleMs / 1000, refreshSeconds: refreshMs / 1000 }
}
