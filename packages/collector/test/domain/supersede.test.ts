import { describe, expect, test } from 'vitest'
import { createSite, type EndCase, minute, signIn } from '../support/sessionStates.ts'

const at = (ms: number) => new Date(signIn + ms)
const superseded = { kind: 'recorded', row: { revision: 2, supersedes: 1 } }
const duplicate = { kind: 'duplicate', row: { revision: 1 } }

/** Reports two ends of one session, and returns what became of the second one. */
function endTwice(first: EndCase, second: EndCase) {
  const site = createSite()
  site.end(first)
  return site.end(second)
}

/** Lets the sweep record the timeout of a session that was last used after ten minutes. */
function endAfterSweep(report: EndCase, heartbeatSeconds = 0) {
  const site = createSite()
  site.use({ heartbeatSeconds })
  site.sweep(60 * minute)
  return site.end(report)
}

describe('A report of a later use', () => {
  test('supersedes the row if it is later by more than the grace', () => {
    expect(endTwice({}, { lastAccess: 10 * minute + 10_000 })).toMatchObject(duplicate)
    expect(endTwice({}, { lastAccess: 10 * minute + 10_001 })).toMatchObject(superseded)
  })

  test('supersedes a row of the sweep if it is later by more than the slack', () => {
    expect(endAfterSweep({ lastAccess: 15 * minute + 10_000 }, 300)).toMatchObject(duplicate)
    expect(endAfterSweep({ lastAccess: 15 * minute + 10_001 }, 300)).toMatchObject(superseded)
  })

  test('never supersedes stronger evidence', () => {
    expect(endTwice({ evidence: 'signed' }, { lastAccess: 20 * minute })).toMatchObject(duplicate)
    expect(endTwice({ evidence: 'server' }, { evidence: 'signed', lastAccess: 20 * minute })).toMatchObject(
      duplicate,
    )
    expect(endTwice({ evidence: 'server' }, { evidence: 'server', lastAccess: 20 * minute })).toMatchObject(
      superseded,
    )
  })

  test('is compared by the clock of the browser, however long the request took', () => {
    const slow = { sent: 60 * minute, received: 60 * minute + 50_000 }
    expect(endTwice({}, slow)).toMatchObject(duplicate)
    expect(endTwice(slow, {})).toMatchObject(duplicate)
    expect(endTwice(slow, { lastAccess: 10 * minute + 11_000 })).toMatchObject(superseded)
  })

  test('from another sender is compared by the clock of the collector', () => {
    const ahead = { sent: 120 * minute, received: 60 * minute }
    const report = { ...ahead, lastAccess: 70 * minute, detected: 120 * minute }
    expect(
      endTwice({ marker: undefined, evidence: 'server' }, { ...report, evidence: 'server' }),
    ).toMatchObject(duplicate)
  })

  test('supersedes a row without a last access if it is later than the detection', () => {
    const revoked = {
      evidence: 'server',
      lastAccess: undefined,
      reason: 'revoked',
      detected: 20 * minute,
    } as const
    expect(endTwice(revoked, { evidence: 'server', lastAccess: 15 * minute })).toMatchObject(duplicate)
    expect(endTwice(revoked, { evidence: 'server', lastAccess: 21 * minute })).toMatchObject(superseded)
  })
})

describe('Stronger evidence', () => {
  test('supersedes another reason', () => {
    const early = { lastAccess: 10 * minute, detected: 12 * minute }
    expect(endTwice(early, { evidence: 'signed' })).toMatchObject({
      ...superseded,
      row: { reason: 'idle_timeout' },
    })
    expect(endTwice(early, { evidence: 'server', reason: 'revoked', detected: 11 * minute })).toMatchObject(
      superseded,
    )
  })

  test('is a duplicate with the same reason', () => {
    expect(endTwice({}, { evidence: 'signed' })).toMatchObject(duplicate)
  })

  test('does not supersede a timeout that had passed before the moment that it states', () => {
    const revoke = (detected: number) =>
      endTwice({}, { evidence: 'server', reason: 'revoked', lastAccess: undefined, detected })
    expect(revoke(41 * minute)).toMatchObject(duplicate)
    expect(revoke(39 * minute)).toMatchObject(superseded)
  })
})

describe('A row of the sweep', () => {
  test('is superseded by an end before its expiry that is no timeout', () => {
    const logout = { detectedBy: 'logout', detected: 39 * minute, sent: 60 * minute } as const
    expect(endAfterSweep(logout)).toMatchObject({ ...superseded, row: { reason: 'logout' } })
    expect(endAfterSweep({ detected: 30 * minute, sent: 60 * minute })).toMatchObject({
      ...superseded,
      row: { reason: 'ended_early' },
    })
  })

  test('is not superseded by the same timeout, or by an end after its expiry', () => {
    expect(endAfterSweep({})).toMatchObject(duplicate)
    expect(endAfterSweep({ evidence: 'server', reason: 'revoked', lastAccess: undefined })).toMatchObject(
      duplicate,
    )
  })

  test('of stronger evidence is not superseded', () => {
    const site = createSite()
    site.use({ evidence: 'signed' })
    site.sweep(60 * minute)
    expect(site.end({ detected: 30 * minute, sent: 60 * minute })).toMatchObject(duplicate)
  })
})

describe('A row with contradictory times', () => {
  const anomaly = { lastAccess: 70 * minute } as const

  test('is superseded by any report without them', () => {
    expect(endTwice(anomaly, {})).toMatchObject({ ...superseded, row: { reason: 'idle_timeout' } })
  })

  test('supersedes nothing', () => {
    expect(endTwice({}, anomaly)).toMatchObject(duplicate)
    expect(endTwice({}, { ...anomaly, evidence: 'server' })).toMatchObject(duplicate)
    expect(endTwice(anomaly, anomaly)).toMatchObject(duplicate)
  })

  test('of stronger evidence is not superseded', () => {
    expect(endTwice({ ...anomaly, evidence: 'server' }, {})).toMatchObject(duplicate)
  })
})

describe('A session', () => {
  test('has at most 11 rows of one evidence', () => {
    const site = createSite()
    const report = (count: number): EndCase => ({ lastAccess: count * minute, detected: 600 * minute })
    const kinds = Array.from({ length: 13 }, (_, count) => site.end(report(count)).kind)
    expect(kinds).toEqual([...Array(11).fill('recorded'), 'duplicate', 'duplicate'])
    expect(site.end({ ...report(14), evidence: 'server' })).toMatchObject({
      row: { revision: 12, supersedes: 11 },
    })
  })

  test('continues its revisions under its alias', () => {
    const site = createSite()
    site.end({ session: undefined })
    expect(site.end({})).toMatchObject(duplicate)
    expect(site.end({ lastAccess: 20 * minute })).toMatchObject({
      row: { sessionKey: 'a1f', revision: 2, supersedes: 1, lastAccessAt: at(20 * minute) },
    })
    expect(site.end({ session: undefined, lastAccess: 30 * minute })).toMatchObject({
      row: { revision: 3, supersedes: 2 },
    })
  })
})
