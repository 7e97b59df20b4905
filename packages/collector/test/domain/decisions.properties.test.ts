import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { compareEvidence } from '../../src/domain/evidence.ts'
import {
  type ActivityCase,
  createSite,
  type EndCase,
  marker,
  minute,
  signIn,
} from '../support/sessionStates.ts'

const runs = { numRuns: 1500 }

const times = fc.integer({ min: 0, max: 240 }).map((steps) => steps * 30_000)
const evidence = fc.constantFrom('self_reported', 'signed', 'server')
const alias = fc.constantFrom('a1f', 'a1f', undefined)

/** How far a report's times are ahead of `sent`, because the clock was set back before the report was sent. */
const ahead = fc.constantFrom(0, 0, 30_000)
/** How long a report takes to arrive. */
const transit = fc.constantFrom(0, 0, 2_000)

const activities = fc.record({
  kind: fc.constant('use'),
  report: fc
    .record({
      lastAccess: times,
      ahead,
      transit,
      evidence,
      session: alias,
      heartbeatSeconds: fc.constantFrom(0, 60),
    })
    .map(({ ahead, transit, ...report }) => {
      const sent = report.lastAccess - ahead
      return { ...report, sent, received: sent + transit }
    }),
})
const ends = fc.record({
  kind: fc.constant('end'),
  report: fc
    .record({
      lastAccess: times,
      sinceAccess: times,
      delay: fc.constantFrom(0, 0, minute, 90 * minute),
      ahead,
      transit,
      evidence,
      session: alias,
      detectedBy: fc.constantFrom('login_page', 'new_session', 'logout'),
      recordLogouts: fc.boolean(),
    })
    .map(({ lastAccess, sinceAccess, delay, ahead, transit, recordLogouts, ...report }) => {
      const detected = lastAccess + sinceAccess
      const sent = detected + delay - ahead
      return {
        ...report,
        lastAccess,
        detected,
        sent,
        received: sent + transit,
        siteChanges: { recordLogouts },
      }
    }),
})
const sweeps = fc.record({ kind: fc.constant('sweep'), now: times, key: fc.constantFrom('a1f', marker) })

type Step =
  | { readonly kind: 'use'; readonly report: ActivityCase }
  | { readonly kind: 'end'; readonly report: EndCase }
  | { readonly kind: 'sweep'; readonly now: number; readonly key: string }

/** Steps in the order in which the collector receives them. */
const steps: fc.Arbitrary<readonly Step[]> = fc.array(
  fc.oneof(activities, ends, sweeps) as fc.Arbitrary<Step>,
  {
    maxLength: 25,
  },
)

function run(site: ReturnType<typeof createSite>, step: Step): unknown {
  if (step.kind === 'use') return site.use(step.report)
  return step.kind === 'end' ? site.end(step.report) : site.sweep(step.now, step.key)
}

/** Leaves out the alias, so that all steps are about one key. */
const dropAlias = (step: Step): Step =>
  step.kind === 'sweep'
    ? { ...step, key: marker }
    : ({ ...step, report: { ...step.report, session: undefined } } as Step)

describe('Whatever is reported in whatever order,', () => {
  test('a session has one current row, consecutive revisions, and 11 rows of one evidence at most', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const site = createSite()
        for (const step of all.map(dropAlias)) run(site, step)
        const rows = site.records.listRows()
        expect(rows.filter(({ isSuperseded }) => !isSuperseded).length).toBe(Math.min(rows.length, 1))
        expect(rows.map(({ revision }) => revision)).toEqual(rows.map((_, index) => index + 1))
        expect(rows.slice(1).map(({ supersedes }) => supersedes)).toEqual(
          rows.slice(0, -1).map(({ id }) => id),
        )
        for (const kind of ['self_reported', 'signed', 'server'])
          expect(rows.filter((row) => row.evidence === kind).length).toBeLessThanOrEqual(11)
      }),
      runs,
    )
  })

  test('weaker evidence never supersedes a row, and only a better row follows contradictory times', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const site = createSite()
        for (const step of all) run(site, step)
        const rows = site.records.listRows()
        for (const row of rows) {
          const previous = rows.find(({ id }) => id === row.supersedes)
          if (!previous) continue
          expect(compareEvidence(row.evidence, previous.evidence)).toBeGreaterThanOrEqual(0)
          expect(row.reason).not.toBe('clock_anomaly')
        }
      }),
      runs,
    )
  })

  test('no row and no live session is dated after its receipt', () => {
    fc.assert(
      fc.property(steps, (all) => {
        const site = createSite()
        let receivedAt = 0
        for (const step of all) {
          run(site, step)
          if (step.kind === 'use') receivedAt = Math.max(receivedAt, signIn + (step.report.received ?? 0))
          const { live } = site
          if (!live) continue
          expect(live.dueAt >= live.expiresAt).toBe(true)
          expect(live.lastAccessAt.getTime()).toBeLessThanOrEqual(receivedAt)
          expect(live.startedAt?.getTime() ?? 0).toBeLessThanOrEqual(receivedAt)
        }
        for (const { lastAccessAt, expiredAt, detectedAt, receivedAt } of site.records.listRows())
          for (const time of [lastAccessAt, expiredAt, detectedAt])
            expect(time === null || time <= receivedAt).toBe(true)
      }),
      runs,
    )
  })

  test('the same report again changes nothing', () => {
    fc.assert(
      fc.property(steps, fc.oneof(activities, ends), (all, report) => {
        const site = createSite()
        for (const step of all) run(site, step)
        run(site, report as Step)
        const rows = site.records.listRows()
        const { live } = site
        run(site, report as Step)
        expect(site.records.listRows()).toEqual(rows)
        expect(site.live).toEqual(live)
      }),
      runs,
    )
  })

  test('activity never moves a live session back, and unsigned activity never moves a registered one', () => {
    fc.assert(
      fc.property(steps, activities, (all, { report }) => {
        const site = createSite()
        for (const step of all) run(site, step)
        const before = site.live
        site.use({ ...report, session: 'a1f' } as ActivityCase)
        const { live } = site
        if (!before || !live) return
        expect(live.lastAccessAt >= before.lastAccessAt).toBe(true)
        expect((live.startedAt ?? 0) <= (before.startedAt ?? 0)).toBe(true)
        if (report.evidence === 'self_reported' && before.evidence !== 'self_reported')
          expect(live).toEqual(before)
      }),
      runs,
    )
  })
})
