import { describe, expect, test } from 'vitest'
import { createSite, marker, minute, signIn } from '../support/sessionStates.ts'

const at = (ms: number) => new Date(signIn + ms)

describe('Activity', () => {
  test('makes a session live', () => {
    const session = createSite()
    expect(session.use()).toEqual({ kind: 'confirmed' })
    expect(session.live).toMatchObject({
      sessionKey: 'a1f',
      marker,
      lastAccessAt: at(10 * minute),
      resumes: null,
    })
  })

  test('with an alias takes over the session that is stored under its marker alone', () => {
    const session = createSite()
    session.use({ session: undefined, lastAccess: 20 * minute })
    session.use({ lastAccess: 15 * minute })
    expect(session.live).toMatchObject({ session: 'a1f', lastAccessAt: at(20 * minute) })
    expect(session.records.get(marker).live).toBeUndefined()
  })

  test('without a ticket does not take over a session that a ticket registered', () => {
    const session = createSite()
    session.use({ session: undefined, evidence: 'signed' })
    session.use({ lastAccess: 15 * minute, subject: 'u_666' })
    expect(session.records.get(marker).live).toMatchObject({ subject: 'u_42', lastAccessAt: at(10 * minute) })
    expect(session.live).toMatchObject({ subject: 'u_666', evidence: 'self_reported' })
  })

  test('that joins two sessions keeps the later access and the earlier start', () => {
    const session = createSite()
    session.use({ session: undefined, lastAccess: 20 * minute })
    session.use({ marker: undefined, evidence: 'server', lastAccess: 12 * minute, started: -minute })
    session.use({ evidence: 'signed', lastAccess: 15 * minute })
    expect(session.live).toMatchObject({ startedAt: at(-minute), lastAccessAt: at(15 * minute) })
    expect(session.records.get(marker).live).toBeUndefined()
  })

  test('makes an ended session live again if it is later than its last access by more than the grace', () => {
    const session = createSite()
    session.end()
    session.use({ lastAccess: 10 * minute + 10_000 })
    expect(session.live).toBeUndefined()
    session.use({ lastAccess: 10 * minute + 10_001 })
    expect(session.live).toMatchObject({ resumes: 1, resumedAt: at(10 * minute + 10_001) })
  })

  test.each(['logout', 'revoked', 'displaced'])(
    'after the end %s has to be later than that end',
    (reason) => {
      const session = createSite()
      session.end({ evidence: 'server', reason, detected: 20 * minute })
      session.use({ evidence: 'server', lastAccess: 20 * minute })
      expect(session.live).toBeUndefined()
      session.use({ evidence: 'server', lastAccess: 21 * minute })
      expect(session.live).toMatchObject({ resumes: 1 })
    },
  )

  test('of weaker evidence never makes an ended session live again', () => {
    const session = createSite()
    session.end({ evidence: 'signed' })
    expect(session.use({ lastAccess: 20 * minute })).toEqual({ kind: 'confirmed' })
    expect(session.live).toBeUndefined()
  })

  test('after a logout without a row is ignored, unless the session is used later', () => {
    const session = createSite()
    const logout = {
      detectedBy: 'logout',
      detected: 20 * minute,
      siteChanges: { recordLogouts: false },
    } as const
    expect(session.end(logout)).toMatchObject({ kind: 'unrecorded', verdict: { reason: 'logout' } })
    session.use({ lastAccess: 20 * minute + 5_000 })
    expect(session.live).toBeUndefined()
    session.use({ lastAccess: 25 * minute })
    expect(session.live).toMatchObject({ resumes: null })
  })

  test('is not stopped by an end whose times contradict each other', () => {
    const session = createSite()
    expect(session.end({ lastAccess: 70 * minute })).toMatchObject({ row: { reason: 'clock_anomaly' } })
    session.use()
    expect(session.live).toMatchObject({ lastAccessAt: at(10 * minute) })
  })

  test('resumes a session after the clock of its browser was set back', () => {
    const session = createSite()
    const hour = 60 * minute
    session.use({ lastAccess: 10 * minute + hour, sent: 10 * minute + hour, received: 10 * minute })
    session.end({ lastAccess: 10 * minute + hour, detected: 45 * minute + hour, received: 45 * minute })
    session.use({ lastAccess: 46 * minute })
    expect(session.live).toMatchObject({ lastAccessAt: at(46 * minute), resumes: 1 })
  })
})

describe('A ticket that has expired', () => {
  const expired = { evidence: 'signed', hasExpiredTicket: true } as const
  const refused = { kind: 'refused', error: { code: 'ticket-refused' } }

  test('moves the session that it registered', () => {
    const session = createSite()
    session.use({ evidence: 'signed' })
    expect(session.use({ ...expired, lastAccess: 20 * minute })).toEqual({ kind: 'confirmed' })
    expect(session.live).toMatchObject({ lastAccessAt: at(20 * minute) })
  })

  test('is refused for a session that is unknown, unsigned, or of another user', () => {
    const session = createSite()
    expect(session.use(expired)).toMatchObject(refused)
    session.use({ lastAccess: 5 * minute })
    expect(session.use(expired)).toMatchObject(refused)
    session.use({ evidence: 'signed', lastAccess: 6 * minute })
    expect(session.use({ ...expired, subject: 'u_666' })).toMatchObject(refused)
    expect(session.live).toMatchObject({ lastAccessAt: at(6 * minute) })
  })

  test('ends the session that it registered, also repeatedly', () => {
    const session = createSite()
    expect(session.end(expired)).toMatchObject(refused)
    session.use({ evidence: 'signed' })
    expect(session.end(expired)).toMatchObject({ kind: 'recorded', row: { evidence: 'signed' } })
    expect(session.end(expired)).toMatchObject({ kind: 'duplicate' })
  })
})
