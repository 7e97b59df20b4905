import { expect, test } from 'vitest'
import { type Kind, Tally } from '../../src/reading/tally.ts'

const kindOf = (reason: Kind['reason']): Kind => ({ site: 'acme', evidence: 'signed', reason })

test('A tally leaves out reasons and buckets whose sessions were all corrected', () => {
  const tally = new Tally([0, 1000, 2000])
  tally.add(500, kindOf('idle_timeout'), 3)
  tally.add(500, kindOf('revoked'), 1)
  tally.add(500, kindOf('idle_timeout'), -3)
  tally.add(1500, kindOf('logout'), 2)
  tally.add(1500, kindOf('logout'), -2)
  expect(tally.buckets).toEqual([{ start: 0, counts: { revoked: 1 } }])
})
