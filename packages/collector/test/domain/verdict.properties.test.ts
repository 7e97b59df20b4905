import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { judgeReport, type ReportRequest } from '../../src/domain/judgeReport.ts'
import type { TicketClaims } from '../../src/domain/ticket.ts'
import { type JudgeInput, judge, type Reason, reasons } from '../../src/domain/verdict.ts'
import {
  base,
  computeGraceSeconds,
  limitsArbitrary,
  near,
  optional,
  runs,
} from '../support/verdictArbitraries.ts'

const minute = 60_000
const maxAge = 400 * 86_400_000

/** Arbitrary input: times may be unknown, are in any order, and are often within milliseconds of a limit. */
const inputs: fc.Arbitrary<JudgeInput> = limitsArbitrary.chain((limits) => {
  const { idleTimeoutSeconds, absoluteTimeoutSeconds = 0 } = limits
  const idle = (idleTimeoutSeconds - computeGraceSeconds(limits)) * 1000
  const absolute = (absoluteTimeoutSeconds - computeGraceSeconds(limits, absoluteTimeoutSeconds)) * 1000
  const refreshed = idle - (limits.refreshSeconds ?? 0) * 1000
  const gap = near(
    [0, minute, -minute, Math.ceil(idle), Math.ceil(refreshed), Math.ceil(absolute)],
    500 * 86_400_000,
  )
  return fc.record({
    times: fc.tuple(optional(gap), optional(gap), gap).map(([started, lastAccess, sent]) => ({
      startedAt: started === undefined ? undefined : base - started,
      lastAccessAt: lastAccess === undefined ? undefined : base - lastAccess,
      detectedAt: base,
      sentAt: base + sent,
    })),
    declaredReason: optional(fc.constantFrom<Reason>(...reasons)),
    browserRestarted: optional(fc.boolean()),
    limits: fc.constant(limits),
    receivedAt: gap.map((skew) => base + skew),
    signedInAt: optional(gap.map((at) => base - at)),
    sender: fc.constantFrom('browser', 'server'),
  })
})

interface TableRow {
  readonly reason: Reason
  readonly matches: (input: JudgeInput) => boolean
}

/** The table of reasons, in order: what each reason needs, regardless of the reasons above it. */
const table: readonly TableRow[] = [
  { reason: 'clock_anomaly', matches: (input) => hasContradiction(input) || hasTimeBeyondMaxAge(input) },
  ...reasons.map(
    (reason): TableRow => ({
      reason,
      matches: (input) => input.declaredReason === reason && !(isLogout(input) && hasPassedAnyLimit(input)),
    }),
  ),
  {
    reason: 'idle_timeout',
    matches: (input) => hasPassedIdle(input) && !(hasPassedAbsolute(input) && isAbsoluteFirst(input)),
  },
  { reason: 'absolute_timeout', matches: hasPassedAbsolute },
  { reason: 'browser_closed', matches: ({ browserRestarted }) => browserRestarted === true },
  { reason: 'ended_early', matches: () => true },
]

const isLogout = ({ declaredReason, sender }: JudgeInput) =>
  declaredReason === 'logout' && sender === 'browser'

const hasPassedAnyLimit = (input: JudgeInput) => hasPassedIdle(input) || hasPassedAbsolute(input)

function hasPassedIdle(input: JudgeInput): boolean {
  const { times, limits } = input
  if (times.lastAccessAt === undefined) return false
  const refreshSeconds = isLogout(input) ? 0 : (limits.refreshSeconds ?? 0)
  const earliest = limits.idleTimeoutSeconds - (computeGraceSeconds(limits) + refreshSeconds)
  return times.detectedAt - times.lastAccessAt >= Math.round(earliest * 1000)
}

function hasPassedAbsolute(input: JudgeInput): boolean {
  const start = computeSignInBySender(input) ?? input.times.startedAt
  const limit = input.limits.absoluteTimeoutSeconds
  return (
    start !== undefined &&
    limit !== undefined &&
    input.times.detectedAt - start >= Math.round((limit - computeGraceSeconds(input.limits, limit)) * 1000)
  )
}

/** Whether the absolute limit passed before the idle timeout, but not before the last access. */
function isAbsoluteFirst(input: JudgeInput): boolean {
  const { times, limits } = input
  const start = computeSignInBySender(input) ?? times.startedAt ?? 0
  const absoluteAt = start + (limits.absoluteTimeoutSeconds ?? 0) * 1000
  const lastAccessAt = times.lastAccessAt ?? 0
  return absoluteAt >= lastAccessAt && absoluteAt < lastAccessAt + limits.idleTimeoutSeconds * 1000
}

/** Converts the signed sign-in to the sender's clock. */
const computeSignInBySender = ({ signedInAt, receivedAt, times }: JudgeInput) =>
  signedInAt === undefined ? undefined : signedInAt - receivedAt + times.sentAt

/** Whether two known times are in the wrong order by more than a minute. */
function hasContradiction({ times, signedInAt, receivedAt }: JudgeInput): boolean {
  const { startedAt, lastAccessAt, detectedAt, sentAt } = times
  const skew = receivedAt - sentAt
  const inOrder: readonly (readonly [number | undefined, number | undefined])[] = [
    [startedAt, lastAccessAt],
    [startedAt, detectedAt],
    [startedAt, sentAt],
    [lastAccessAt, detectedAt],
    [lastAccessAt, sentAt],
    [detectedAt, sentAt],
    [signedInAt, lastAccessAt === undefined ? undefined : lastAccessAt + skew],
  ]
  return inOrder.some(
    ([earlier, later]) => earlier !== undefined && later !== undefined && earlier - later > minute,
  )
}

/** Whether a browser's time is more than 400 days before the receipt, and no ticket proves it. */
function hasTimeBeyondMaxAge({ sender, times, receivedAt, signedInAt }: JudgeInput): boolean {
  const computeAgeMs = (at: number | undefined) => (at === undefined ? 0 : times.sentAt - at)
  const provenAge = signedInAt === undefined ? 0 : receivedAt - signedInAt
  if (sender === 'server') return false
  if ([times.lastAccessAt, times.detectedAt].some((at) => computeAgeMs(at) > maxAge)) return true
  return computeAgeMs(times.startedAt) > Math.max(maxAge, provenAge) + minute
}

describe('The verdict on arbitrary input', () => {
  test('Every input gets exactly one reason: the first in the table that matches', () => {
    const seen = new Set<Reason>()
    fc.assert(
      fc.property(inputs, (input) => {
        const first = table.find(({ matches }) => matches(input))
        const { reason, expiredAt } = judge(input)
        seen.add(reason)
        if (expiredAt !== undefined) expect(expiredAt).toBeLessThanOrEqual(input.times.detectedAt)
        expect(reason).toBe(first?.reason)
      }),
      runs,
    )
    expect([...seen].sort()).toEqual([...reasons].sort())
  })

  test('The start that a browser reports cannot change the verdict on a signed session', () => {
    const signed = inputs
      .filter(({ signedInAt }) => signedInAt !== undefined)
      .map((input) => ({ ...input, declaredReason: undefined }))
    const seen = new Set<Reason>()
    fc.assert(
      fc.property(signed, near([0, minute, -minute], 500 * 86_400_000), (input, off) => {
        const signIn = computeSignInBySender(input) ?? 0
        const honest = judge({ ...input, times: { ...input.times, startedAt: signIn } })
        const moved = judge({ ...input, times: { ...input.times, startedAt: signIn + off } })
        seen.add(moved.reason)
        if (moved.reason !== 'clock_anomaly' && honest.reason !== 'clock_anomaly')
          expect(moved).toEqual(honest)
      }),
      runs,
    )
    expect(seen).toContain('absolute_timeout')
  })

  test('A report from a wrong clock gives the same row as one from a right clock, apart from the skew', () => {
    const site = { idleTimeoutSeconds: 1800, absoluteTimeoutSeconds: 43_200, graceSeconds: 10 }
    const request: ReportRequest = {
      receivedAt: base,
      origin: undefined,
      ip: undefined,
      userAgent: undefined,
    }
    const gap = near([0, 30 * minute, 720 * minute], 720 * minute)
    const offset = near([0], 50 * 365 * 86_400_000)
    fc.assert(
      fc.property(gap, gap, gap, fc.boolean(), offset, (age, idle, late, browserRestarted, by) => {
        const judgeWithOffset = (moved: number) => {
          const detectedAt = base - late + moved
          const report = {
            site: 'acme',
            marker: 'a marker',
            session: undefined,
            subject: undefined,
            ticket: undefined,
            client: undefined,
            detectedBy: 'login_page' as const,
            browserRestarted,
            startedAt: detectedAt - age,
            lastAccessAt: detectedAt - idle,
            detectedAt,
            sentAt: base + moved,
          }
          return judgeReport(report, undefined, site, request)
        }
        const { clockSkewMs, ...right } = judgeWithOffset(0)
        expect(clockSkewMs).toBe(0)
        expect(judgeWithOffset(by)).toEqual({ ...right, clockSkewMs: 0 - by })
      }),
      runs,
    )
  })

  test('No time in a row is after its receipt or, from a browser, more than 400 days before it', () => {
    const from = Date.UTC(2000)
    const lastTime = Date.UTC(9999, 11, 31, 23, 59, 59, 999)
    const time = fc.oneof(
      fc.integer({ min: from, max: lastTime }),
      near([0, maxAge, -maxAge], 2 * maxAge).map((at) => base - at),
      fc.constantFrom(from, lastTime),
    )
    const site = { idleTimeoutSeconds: 1800, absoluteTimeoutSeconds: 43_200 }
    const request: ReportRequest = {
      receivedAt: base,
      origin: undefined,
      ip: undefined,
      userAgent: undefined,
    }
    const times = fc.record({ startedAt: time, lastAccessAt: time, detectedAt: time, sentAt: time })
    const detectedBy = fc.constantFrom('login_page', 'new_session', 'logout', 'server')
    const issuedAt = optional(fc.integer({ min: -lastTime, max: base + minute }))
    fc.assert(
      fc.property(times, detectedBy, issuedAt, fc.boolean(), (times, detectedBy, issuedAt, isInOrder) => {
        const { startedAt, lastAccessAt, detectedAt, sentAt } = isInOrder ? sortTimes(times) : times
        const session = { session: 's_1', subject: undefined, ticket: undefined, client: undefined }
        const report = {
          ...{ site: 'acme', marker: 'a marker', browserRestarted: undefined, reason: undefined },
          ...session,
          ...{ startedAt, lastAccessAt, detectedAt, sentAt },
        }
        const claims = issuedAt === undefined ? undefined : createClaims(issuedAt)
        const row =
          detectedBy === 'server'
            ? judgeReport({ ...report, detectedBy }, claims, site, request)
            : judgeReport({ ...report, detectedBy }, claims, site, request)
        const isBrowser = detectedBy !== 'server'
        const earliest = isBrowser ? base - maxAge : 0
        for (const at of [row.lastAccessAt, row.detectedAt, row.expiredAt]) {
          if (at === null) continue
          expect(at.getTime()).toBeLessThanOrEqual(base)
          expect(at.getTime()).toBeGreaterThanOrEqual(earliest)
        }
        if (row.expiredAt !== null)
          expect(row.expiredAt.getTime()).toBeLessThanOrEqual(row.detectedAt.getTime())
        const startedAtLeast = Math.max(0, Math.min(earliest, issuedAt ?? earliest))
        expect(row.startedAt?.getTime()).toBeLessThanOrEqual(base)
        expect(row.startedAt?.getTime()).toBeGreaterThanOrEqual(startedAtLeast)
        expect(row).toMatchObject({ elapsedMs: detectedAt - lastAccessAt, clockSkewMs: base - sentAt })
        if (isBrowser && row.reason === 'idle_timeout')
          expect(row.elapsedMs).toBeLessThanOrEqual(maxAge + minute)
      }),
      runs,
    )
  })
})

function createClaims(issuedAt: number): TicketClaims {
  const limits = { idleTimeoutSeconds: undefined, absoluteTimeoutSeconds: undefined }
  return { subject: 'u_42', session: undefined, issuedAt, expiresAt: undefined, hasExpired: false, ...limits }
}

function sortTimes({ startedAt, lastAccessAt, detectedAt, sentAt }: Readonly<Record<ReportedTime, number>>) {
  const [first = 0, second = 0, third = 0, last = 0] = [startedAt, lastAccessAt, detectedAt, sentAt].sort(
    (a, b) => a - b,
  )
  return { startedAt: first, lastAccessAt: second, detectedAt: third, sentAt: last }
}

type ReportedTime = 'startedAt' | 'lastAccessAt' | 'detectedAt' | 'sentAt'
