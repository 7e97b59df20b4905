import fc from 'fast-check'
import type { Limits } from '../../src/domain/limits.ts'

/** The time of the collector, in epoch milliseconds. */
export const base = 1_800_000_000_000

export const runs = { numRuns: 3000 }

export const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined })

/** An integer next to one of the values at which a verdict changes, or anywhere within a range. */
export const near = (values: readonly number[], range: number) =>
  fc.oneof(
    fc
      .tuple(fc.constantFrom(...values), fc.integer({ min: -2, max: 2 }))
      .map(([value, offset]) => value + offset),
    fc.integer({ min: -range, max: range }),
  )

const settings = fc.record({
  idleTimeoutSeconds: fc.integer({ min: 1, max: 86_400 }),
  absoluteTimeoutSeconds: fc.option(fc.integer({ min: 1, max: 400 * 86_400 }), { nil: undefined }),
  graceSeconds: fc.option(fc.integer({ min: 0, max: 20 }), { nil: undefined }),
  /** The share of the idle timeout without its grace. */
  refreshShare: fc.constantFrom(0, 0, 0.1, 0.5, 0.99),
})
export const limitsArbitrary: fc.Arbitrary<Limits> = settings.map(({ refreshShare, ...limits }) => {
  const longestMs = (limits.idleTimeoutSeconds - computeGraceSeconds(limits)) * 1000
  return { ...limits, refreshSeconds: Math.floor(longestMs * refreshShare) / 1000 }
})

export function computeGraceSeconds(
  { graceSeconds, idleTimeoutSeconds }: Limits,
  limitSeconds = idleTimeoutSeconds,
): number {
  const grace = graceSeconds ?? Math.min(10, idleTimeoutSeconds / 10)
  return grace < limitSeconds ? grace : limitSeconds / 10
}
