import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { applyClaimedLimits, type Limits } from '../../src/domain/limits.ts'
import { judge } from '../../src/domain/verdict.ts'
import { base, computeGraceSeconds, limitsArbitrary, runs } from '../support/verdictArbitraries.ts'

describe('The verdict on arbitrary limits', () => {
  test('The reason changes at the limit minus the grace and refreshSeconds, exact to the millisecond', () => {
    fc.assert(
      fc.property(limitsArbitrary, ({ idleTimeoutSeconds, graceSeconds, refreshSeconds = 0 }) => {
        const grace = computeGraceSeconds({ idleTimeoutSeconds, graceSeconds })
        const judgeAfter = (elapsed: number) =>
          judge({
            times: { startedAt: undefined, lastAccessAt: base - elapsed, detectedAt: base, sentAt: base },
            declaredReason: undefined,
            browserRestarted: undefined,
            limits: { idleTimeoutSeconds, graceSeconds, refreshSeconds },
            receivedAt: base,
            signedInAt: undefined,
            sender: 'browser',
          }).reason
        const thresholdMs = Math.round((idleTimeoutSeconds - grace - refreshSeconds) * 1000)
        expect({ at: judgeAfter(thresholdMs), before: judgeAfter(thresholdMs - 1) }).toEqual({
          at: 'idle_timeout',
          before: 'ended_early',
        })
      }),
      runs,
    )
  })

  test("A ticket's shorter idle timeout leaves a part of it in which a session ends early", () => {
    // A configuration with a longer grace is refused.
    const site = limitsArbitrary.filter(
      ({ graceSeconds = 0, idleTimeoutSeconds }) => graceSeconds < idleTimeoutSeconds,
    )
    const claimed = fc.record({ site, idle: fc.integer({ min: 1, max: 86_400 }) })
    fc.assert(
      fc.property(claimed, ({ site, idle }) => {
        const claims = { idleTimeoutSeconds: idle, absoluteTimeoutSeconds: undefined }
        const applied = applyClaimedLimits(site, claims)
        const shareOf = (limits: Limits) =>
          (limits.refreshSeconds ?? 0) / (limits.idleTimeoutSeconds - computeGraceSeconds(limits))
        expect(applied.idleTimeoutSeconds).toBe(idle)
        expect(shareOf(applied)).toBeLessThan(1)
        if (idle < site.idleTimeoutSeconds) expect(shareOf(applied)).toBeCloseTo(shareOf(site))
        else expect(applied.refreshSeconds).toBe(site.refreshSeconds)
      }),
      runs,
    )
  })
})
