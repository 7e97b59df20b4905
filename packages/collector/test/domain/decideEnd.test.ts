import { describe, expect, test } from 'vitest'
import { registerSession } from '../../src/domain/liveSession.ts'
import { createActivity, createSite, marker, minute, signIn } from '../support/sessionStates.ts'

const at = (ms: number) => new Date(signIn + ms)

describe('The end of a live session', () => {
  test('is judged by the last access of the live session, if that is later', () => {
    const session = createSite()
    session.use({ lastAccess: 50 * minute })
    expect(session.end()).toMatchObject({ row: { reason: 'ended_early', lastAccessAt: at(50 * minute) } })
    expect(session.live).toBeUndefined()
  })

  test('is judged by its own last access, if the evidence of the live session is weaker', () => {
    const session = createSite()
    session.use({ lastAccess: 50 * minute })
    const { row } = session.end({ evidence: 'signed' }) as { row: object }
    expect(row).toMatchObject({ reason: 'idle_timeout', lastAccessAt: at(10 * minute) })
    expect(session.live).toBeUndefined()
  })

  test('is not recorded, and ends nothing, if the session was used after it', () => {
    const session = createSite()
    session.use({ lastAccess: 70 * minute })
    expect(session.end()).toMatchObject({ kind: 'unrecorded', changes: [] })
    expect(session.live).toBeDefined()
  })

  test('by a server is recorded if the use after it is within the grace, because each request dates its own times', () => {
    const revoked = { evidence: 'server', lastAccess: undefined, reason: 'revoked' } as const
    const endAfterUse = (lastAccess: number) => {
      const session = createSite()
      session.use({ evidence: 'server', lastAccess })
      return session.end({ ...revoked, detected: 20 * minute })
    }
    expect(endAfterUse(20 * minute + 10_000)).toMatchObject({
      row: { reason: 'revoked', lastAccessAt: at(20 * minute) },
    })
    expect(endAfterUse(20 * minute + 10_001)).toMatchObject({ kind: 'unrecorded', changes: [] })
  })

  test('is recorded in spite of a later use that weaker evidence states', () => {
    const session = createSite()
    session.use({ lastAccess: 70 * minute })
    expect(session.end({ evidence: 'signed' })).toMatchObject({ kind: 'recorded' })
    expect(session.live).toBeUndefined()
  })

  test('is not ended by contradictory times', () => {
    const session = createSite()
    session.use()
    expect(session.end({ lastAccess: 70 * minute })).toMatchObject({ changes: ['insertRow'] })
    expect(session.live).toBeDefined()
  })

  test('without a last access uses that of the live session, its start and its user', () => {
    const session = createSite()
    session.use({ evidence: 'signed' })
    const revoked = {
      evidence: 'server',
      lastAccess: undefined,
      marker: undefined,
      reason: 'revoked',
    } as const
    expect(session.end({ ...revoked, detected: 20 * minute })).toMatchObject({
      row: { reason: 'revoked', lastAccessAt: at(10 * minute), startedAt: at(0), elapsedMs: 10 * minute },
    })
  })

  test('without a last access is the timeout, if a limit had passed by more than the grace', () => {
    const revoked = { evidence: 'server', lastAccess: undefined, reason: 'revoked' } as const
    const judgeAt = (detected: number) => {
      const session = createSite()
      session.use()
      return session.end({ ...revoked, detected })
    }
    expect(judgeAt(40 * minute + 10_000)).toMatchObject({ row: { reason: 'revoked' } })
    expect(judgeAt(40 * minute + 10_001)).toMatchObject({
      row: { reason: 'idle_timeout', expiredAt: at(40 * minute) },
    })
  })

  test('under its alias also ends the session that is stored under its marker alone', () => {
    const session = createSite()
    session.use({ session: undefined, lastAccess: 50 * minute })
    expect(session.end()).toMatchObject({ row: { sessionKey: 'a1f', lastAccessAt: at(50 * minute) } })
    expect(session.records.get(marker).live).toBeUndefined()
  })

  test('by a weaker report that adds nothing does not stop the watch over a session that is live again', () => {
    const session = createSite()
    session.end({ evidence: 'signed' })
    session.use({ evidence: 'signed', lastAccess: 61 * minute })
    expect(session.end({ detected: 70 * minute })).toMatchObject({ kind: 'duplicate', changes: [] })
    expect(session.live).toMatchObject({ resumes: 1 })
  })

  test('keeps the verdict of its live session when the report is repeated', () => {
    const session = createSite()
    session.use({ lastAccess: 1 * minute, evidence: 'server' })
    session.end({ lastAccess: 1 * minute, detected: 1 * minute, session: undefined })
    const end = { lastAccess: 0, detected: 30 * minute, evidence: 'server' } as const
    expect(session.end(end)).toMatchObject({
      row: { reason: 'ended_early', evidence: 'server', revision: 2 },
    })
    expect(session.end(end)).toMatchObject({ kind: 'duplicate', changes: [], row: { revision: 2 } })
  })

  test('after it was live again supersedes its row', () => {
    const session = createSite()
    session.end()
    session.use({ lastAccess: 61 * minute })
    expect(session.end({ lastAccess: 61 * minute, detected: 120 * minute })).toMatchObject({
      row: { revision: 2, supersedes: 1, lastAccessAt: at(61 * minute) },
    })
    expect(session.end()).toMatchObject({ kind: 'duplicate', row: { revision: 2 } })
  })
})

describe('A logout', () => {
  const logout = {
    detectedBy: 'logout',
    detected: 15 * minute,
    siteChanges: { recordLogouts: false },
  } as const

  test('that is not recorded ends the live session and is remembered', () => {
    const session = createSite()
    session.use()
    expect(session.end(logout)).toMatchObject({
      kind: 'unrecorded',
      changes: ['rememberLogout', 'rememberLogout', 'removeLive'],
    })
    for (const key of ['a1f', marker])
      expect(session.records.get(key).logout).toMatchObject({ detectedAt: at(15 * minute) })
    expect(session.end(logout)).toMatchObject({ kind: 'unrecorded', changes: [] })
  })

  test('that was delivered after the sweep supersedes its row, and is recorded', () => {
    const session = createSite()
    session.use()
    session.sweep(41 * minute)
    expect(session.end({ ...logout, sent: 1440 * minute })).toMatchObject({
      kind: 'recorded',
      row: { reason: 'logout', revision: 2, supersedes: 1, detectedAt: at(15 * minute) },
    })
  })

  test('does not hide a later end report', () => {
    const session = createSite()
    session.end(logout)
    expect(session.end()).toMatchObject({ kind: 'recorded', row: { reason: 'idle_timeout', revision: 1 } })
  })
})

describe('The sweep', () => {
  test('records the timeout of a session that is due', () => {
    const session = createSite()
    session.use({ heartbeatSeconds: 300 })
    expect(session.sweep(45 * minute + 9_999)).toEqual({ kind: 'live' })
    expect(session.sweep(50 * minute)).toMatchObject({
      kind: 'recorded',
      row: {
        reason: 'idle_timeout',
        detectedBy: 'sweep',
        evidence: 'self_reported',
        lastAccessAt: at(10 * minute),
        expiredAt: at(40 * minute),
        detectedAt: at(45 * minute + 10_000),
        receivedAt: at(50 * minute),
        ip: null,
        marker,
        subject: 'u_42',
      },
    })
    expect(session.live).toBeUndefined()
    expect(session.sweep(50 * minute)).toEqual({ kind: 'live' })
  })

  test('removes a session without a row, if its end is recorded or its logout is remembered', () => {
    for (const recordLogouts of [true, false]) {
      const session = createSite()
      session.use()
      const live = session.live
      session.end({ detectedBy: 'logout', detected: 12 * minute, siteChanges: { recordLogouts } })
      // Two collectors at once: neither saw the change of the other.
      if (live) session.records.apply([{ kind: 'putLive', live }])
      expect(session.sweep(41 * minute)).toEqual({ kind: 'removed' })
      expect(session.records.listRows()).toHaveLength(recordLogouts ? 1 : 0)
    }
  })

  test('leaves a row alone that a ticket recorded for another user under the same marker', () => {
    const session = createSite()
    session.end({ session: undefined, evidence: 'signed' })
    const activity = createActivity({ lastAccess: 70 * minute, subject: 'u_666', evidence: 'signed' })
    session.records.apply([{ kind: 'putLive', live: registerSession(activity) }])
    expect(session.sweep(200 * minute)).toMatchObject({
      kind: 'recorded',
      row: { subject: 'u_666', revision: 1, supersedes: null },
    })
  })

  test('supersedes the row of a session that was used again', () => {
    const session = createSite()
    session.end()
    session.use({ lastAccess: 61 * minute })
    expect(session.sweep(92 * minute)).toMatchObject({ row: { revision: 2, supersedes: 1 } })
  })
})

describe('A return', () => {
  test('is the first report from a page without the session after the row of the sweep', () => {
    const session = createSite()
    session.use()
    session.sweep(41 * minute)
    expect(session.end()).toMatchObject({ kind: 'duplicate', changes: ['insertReturn'] })
    expect(session.end({ detected: 90 * minute })).toMatchObject({ kind: 'duplicate', changes: [] })
  })

  test('counts whether or not its report supersedes the row', () => {
    const session = createSite()
    session.use()
    session.sweep(41 * minute)
    expect(session.end({ lastAccess: 30 * minute, detected: 90 * minute })).toMatchObject({
      row: { revision: 2 },
      changes: ['insertRow', 'insertReturn'],
    })
  })

  test('is no logout, and no report of a server', () => {
    const session = createSite()
    session.use()
    session.sweep(41 * minute)
    for (const report of [{ detectedBy: 'logout' }, { evidence: 'server' }] as const)
      expect(session.end(report).changes).not.toContain('insertReturn')
  })
})
