import { expect, test } from 'vitest'
import { Tally } from '../../src/reading/tally.ts'

test('A tally leaves out reasons and buckets whose sessions were all corrected', () => {
  const tally = new Tally([0, 1000, 2000])
  tally.add(500, 'idle_timeout', 3)
  tally.add(500, 'revoked', 1)
  tally.add(500, 'idle_timeout', -3)
  tally.add(1500, 'logout', 2)
  tally.add(1500, 'logout', -2)
  expect(tally.buckets).toEqual([{ start: 0, counts: { revoked: 1 } }])
})
