import { describe, expect, test } from 'vitest'
import { classifyFailure, computeRetryDelayMs } from '../src/outbox/retryPolicy.ts'

const hourMs = 3_600_000
const dayMs = 86_400_000

describe('computeRetryDelayMs', () => {
  test.each([
    { waitedMs: 0, mostMs: 1000 },
    { waitedMs: 1000, mostMs: 2000 },
    { waitedMs: 60_000, mostMs: 61_000 },
    { waitedMs: dayMs, mostMs: hourMs },
  ])('returns between half of $mostMs and $mostMs after $waitedMs ms', ({ waitedMs, mostMs }) => {
    const delayMs = computeRetryDelayMs(waitedMs)
    expect(delayMs).toBeLessThanOrEqual(mostMs)
    expect(delayMs).toBeGreaterThanOrEqual(mostMs / 2)
  })

  test.each([
    { retryAfter: '120', leastMs: 120_000 },
    { retryAfter: null, leastMs: 0 },
    { retryAfter: 'soon', leastMs: 0 },
  ])('adds the delay to $leastMs ms if Retry-After is $retryAfter', ({ retryAfter, leastMs }) => {
    const delayMs = computeRetryDelayMs(0, retryAfter)
    expect(delayMs).toBeGreaterThanOrEqual(leastMs + 500)
    expect(delayMs).toBeLessThanOrEqual(leastMs + 1000)
  })
})

describe('classifyFailure', () => {
  test.each([400, 413, 415, 422])('drops a report that is refused with %d', (status) => {
    expect(classifyFailure(status, 0, dayMs)).toBe('report_refused')
  })

  test.each([undefined, 200, 401, 403, 404, 429, 500, 503])(
    'keeps a report that is answered with %s, until it is too old',
    (status) => {
      expect(classifyFailure(status, dayMs, dayMs)).toBe('report_pending')
      expect(classifyFailure(status, dayMs + 1, dayMs)).toBe('report_expired')
    },
  )
})
