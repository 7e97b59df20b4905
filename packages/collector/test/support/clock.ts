import { onTestFinished, vi } from 'vitest'

const realNow = performance.now.bind(performance)

/** Moves the monotonic clock forward until the test is over. */
export function advanceMonotonicClock(ms: number): void {
  const clock = vi.spyOn(performance, 'now').mockImplementation(() => realNow() + ms)
  onTestFinished(() => clock.mockRestore())
}

/** Sets the wall clock forward, or back, until the test is over. */
export function setWallClock(byMs: number): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + byMs })
  onTestFinished(() => void vi.useRealTimers())
}
