import { describe, expect, test } from 'vitest'
import { computeExpiry, getGraceMs, moveSession, registerSession } from '../../src/domain/liveSession.ts'
import { createActivity, minute, signIn } from '../support/sessionStates.ts'

const at = (ms: number) => new Date(signIn + ms)

describe('A live session', () => {
  test('expires after the idle timeout, and is due after the slack', () => {
    const live = registerSession(createActivity({ heartbeatSeconds: 300 }))
    expect(live).toMatchObject({
      lastAccessAt: at(10 * minute),
      heartbeatSeconds: 300,
      expiresAt: at(40 * minute),
      // The grace period is 10 s.
      dueAt: at(45 * minute + 10_000),
      waitMs: 610_000,
    })
    expect(getGraceMs(live)).toBe(10_000)
  })

  test('counts a heartbeat up to half of the idle timeout', () => {
    const live = registerSession(createActivity({ heartbeatSeconds: 86_400 }))
    expect(live).toMatchObject({ heartbeatSeconds: 900, dueAt: at(55 * minute + 10_000) })
  })

  test('moves forward, and its start moves back', () => {
    const live = registerSession(createActivity())
    const moved = moveSession(live, createActivity({ lastAccess: 20 * minute, started: -5 * minute }))
    expect(moved).toMatchObject({
      startedAt: at(-5 * minute),
      lastAccessAt: at(20 * minute),
      expiresAt: at(50 * minute),
      registeredAt: live.registeredAt,
    })
    expect(moveSession(moved, createActivity({ started: minute }))).toBe(moved)
  })

  test('is not changed by a repeat, however long the request took', () => {
    const live = registerSession(createActivity())
    const repeat = createActivity({ sent: 11 * minute, received: 11 * minute + 20_000 })
    expect(moveSession(live, repeat)).toBe(live)
  })

  test('moves forward after the clock of the browser was an hour ahead and is corrected', () => {
    const hour = 60 * minute
    const live = registerSession(createActivity({ lastAccess: hour, sent: hour, received: 0 }))
    expect(live.lastAccessAt).toEqual(at(0))
    const corrected = moveSession(live, createActivity({ lastAccess: 10 * minute }))
    expect(corrected).toMatchObject({ lastAccessAt: at(10 * minute), clockSkewMs: 0 })
  })

  test('never moves by unsigned activity once a ticket or a server has registered it', () => {
    for (const evidence of ['signed', 'server'] as const) {
      const live = registerSession(createActivity({ evidence }))
      const forged = createActivity({ lastAccess: 20 * minute, subject: 'u_666' })
      expect(moveSession(live, forged)).toBe(live)
    }
  })

  test('has the evidence of a ticket as soon as there is one', () => {
    const live = registerSession(createActivity({ subject: 'u_666', lastAccess: 11 * minute }))
    const signed = moveSession(live, createActivity({ evidence: 'signed' }))
    expect(signed).toMatchObject({ evidence: 'signed', subject: 'u_42', lastAccessAt: at(11 * minute) })
  })

  test('keeps its subject when a report of the same evidence names another one', () => {
    const live = registerSession(createActivity())
    const moved = moveSession(live, createActivity({ lastAccess: 20 * minute, subject: 'u_666' }))
    expect(moved).toMatchObject({ subject: 'u_42', lastAccessAt: at(20 * minute) })
  })
})

describe('The expiry', () => {
  const times = {
    lastAccessAt: at(10 * minute),
    startedAt: at(0),
    signedInAt: null,
    idleTimeoutSeconds: 1800,
  }

  test('is that of the limit which is reached first', () => {
    expect(computeExpiry({ ...times, absoluteTimeoutSeconds: 1200 })).toEqual({
      reason: 'absolute_timeout',
      expiresAt: at(20 * minute),
    })
    expect(computeExpiry({ ...times, absoluteTimeoutSeconds: 7200 })).toEqual({
      reason: 'idle_timeout',
      expiresAt: at(40 * minute),
    })
  })

  test('ignores an absolute limit that passed before the last access', () => {
    expect(computeExpiry({ ...times, absoluteTimeoutSeconds: 300 })).toMatchObject({ reason: 'idle_timeout' })
  })

  test('counts from the signed sign-in', () => {
    expect(computeExpiry({ ...times, signedInAt: at(-minute), absoluteTimeoutSeconds: 1200 })).toMatchObject({
      expiresAt: at(19 * minute),
    })
  })
})
