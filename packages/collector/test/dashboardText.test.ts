import { afterEach, expect, test, vi } from 'vitest'
import { describeLongerLimit, formatQuantile } from '../dashboard/src/charts/pastLimitShares.ts'
import { toPastLimit } from '../src/lapse/pastLimit.ts'

const { TZ } = process.env
afterEach(() => {
  if (TZ === undefined) delete process.env.TZ
  else process.env.TZ = TZ
})

test.each([
  [[[30, 6]], 'A limit 10 min longer would have kept 100 % of these 6 sessions alive.'],
  [
    [
      [30, 1],
      [900, 3],
    ],
    'A limit 10 min longer would have kept 25 % of these 4 sessions alive.',
  ],
  [
    [
      [30, 999],
      [900, 1],
    ],
    'A limit 10 min longer would have kept 99 % of these 1,000 sessions alive.',
  ],
  [[[30, 1]], 'A limit 10 min longer would have kept this session alive.'],
  [[[900, 1]], 'A limit 10 min longer would not have kept this session alive.'],
] as const)(
  'whether the limit is too short is answered, however soon people came back: %j',
  (counts, words) => {
    expect(describeLongerLimit(toPastLimit(new Map(counts))).replace(/\s?%/, ' %')).toBe(words)
  },
)

test.each([
  [0, '1 s'],
  [7, '7 s'],
  [600, '10 min'],
  [3600, '1 h'],
  [86_400, '1 d'],
  [2_592_000, '30 d'],
])('a quantile of %i s is not made out to be more exact than it is', (seconds, words) => {
  const { p50Ms } = toPastLimit(new Map([[seconds, 1]]))
  expect(formatQuantile(Number(p50Ms))).toBe(words)
})

test('two hours of one name are told apart, and no others', async () => {
  process.env.TZ = 'Europe/Vienna'
  // It takes the zone of the viewer when it is loaded.
  vi.resetModules()
  const { formatShortDateTime } = await import('../dashboard/src/format/dateTime.ts')
  const offsets = [
    '2026-10-24T23:59:59Z',
    '2026-10-25T00:00:00Z',
    '2026-10-25T01:00:00Z',
    '2026-10-25T02:00:00Z',
  ]
  expect(offsets.map((time) => /GMT.*/.exec(formatShortDateTime(time))?.[0])).toEqual([
    undefined,
    'GMT+2',
    'GMT+1',
    undefined,
  ])
})
