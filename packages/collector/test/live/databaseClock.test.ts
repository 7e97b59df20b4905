import { describe, expect, test } from 'vitest'
import { createDatabaseClock } from '../../src/lifecycle/databaseClock.ts'

const start = Date.UTC(2026, 0, 2)
const hour = 3_600_000

/** Creates a clock of a machine whose own clock can be set. */
function createClocks() {
  let elapsed = 0
  let offset = 0
  const clock = createDatabaseClock({ now: () => start + elapsed + offset }, () => elapsed)
  return {
    clock,
    pass: (ms: number) => {
      elapsed += ms
    },
    set: (ms: number) => {
      offset = ms
    },
    synchronize: (differenceMs = 0) => clock.synchronize(start + elapsed + differenceMs, elapsed),
    /** Milliseconds by which the clock is ahead of the true time. */
    getError: () => clock.now() - start - elapsed,
  }
}

describe('The clock of a collector', () => {
  test('is the clock of the machine before the database has been asked', () => {
    const { set, getError } = createClocks()
    set(hour)
    expect(getError()).toBe(hour)
  })

  test('is the clock of the machine while it agrees with the database', () => {
    const { synchronize, pass, set, getError } = createClocks()
    set(700)
    synchronize()
    pass(5000)
    expect(getError()).toBe(700)
  })

  test.each([hour, -hour])('ignores that the clock of the machine jumps by %d ms', (jump) => {
    const { synchronize, pass, set, getError } = createClocks()
    synchronize()
    pass(400)
    set(jump)
    expect(getError()).toBe(0)
    pass(10 * 60_000)
    expect(getError()).toBe(0)
    synchronize()
    expect(getError()).toBe(0)
    set(0)
    expect(getError()).toBe(0)
  })

  test('follows the clock of the database when that is corrected', () => {
    const { synchronize, pass, getError } = createClocks()
    synchronize(hour)
    expect(getError()).toBe(hour)
    pass(1000)
    synchronize()
    expect(getError()).toBe(0)
  })
})
