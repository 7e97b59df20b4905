import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import type { Zone } from '../../dashboard/src/state/calendar.ts'
import { isTimeRange, type TimeRange, timeRanges } from '../../dashboard/src/state/timeRanges.ts'

const { TZ } = process.env
afterEach(() => {
  if (TZ === undefined) delete process.env.TZ
  else process.env.TZ = TZ
})

function resolve(range: TimeRange, now: string, zone: Zone) {
  const { from, to } = timeRanges[range].resolve(Date.parse(now), zone)
  return [from, to].map((at) => (at === null ? 'now' : new Date(at).toISOString().slice(0, 16)))
}

describe('A time range', () => {
  const friday = '2026-11-27T00:30:00.000Z'

  test.each([
    { range: '1h', period: ['2026-11-26T23:30', 'now'] },
    { range: 'today', period: ['2026-11-27T00:00', 'now'] },
    { range: 'yesterday', period: ['2026-11-26T00:00', '2026-11-27T00:00'] },
    { range: 'week', period: ['2026-11-23T00:00', 'now'] },
    { range: 'last-week', period: ['2026-11-16T00:00', '2026-11-23T00:00'] },
    { range: 'month', period: ['2026-11-01T00:00', 'now'] },
    { range: 'last-month', period: ['2026-10-01T00:00', '2026-11-01T00:00'] },
    { range: 'last-quarter', period: ['2026-07-01T00:00', '2026-10-01T00:00'] },
    { range: 'year', period: ['2026-01-01T00:00', 'now'] },
    { range: '7d', period: ['2026-11-20T00:30', 'now'] },
  ] as const)('"$range" has the dates of UTC if the user chose it', ({ range, period }) => {
    process.env.TZ = 'America/New_York'
    expect(resolve(range, friday, 'utc')).toEqual(period)
  })

  test.each([
    // In New York it is still Thursday.
    { range: 'today', period: ['2026-11-26T05:00', 'now'] },
    { range: 'yesterday', period: ['2026-11-25T05:00', '2026-11-26T05:00'] },
    { range: 'week', period: ['2026-11-23T05:00', 'now'] },
    // Clocks go back on November 1.
    { range: 'last-month', period: ['2026-10-01T04:00', '2026-11-01T04:00'] },
    { range: 'last-quarter', period: ['2026-07-01T04:00', '2026-10-01T04:00'] },
    { range: 'year', period: ['2026-01-01T05:00', 'now'] },
  ] as const)('"$range" has the dates of the user’s time zone', ({ range, period }) => {
    process.env.TZ = 'America/New_York'
    expect(resolve(range, friday, 'local')).toEqual(period)
  })

  test.each([
    { now: '2026-11-23T00:00:00.000Z', name: 'Monday', monday: '2026-11-23T00:00' },
    { now: '2026-11-29T23:59:59.999Z', name: 'Sunday', monday: '2026-11-23T00:00' },
    { now: '2026-01-01T12:00:00.000Z', name: 'New Year', monday: '2025-12-29T00:00' },
  ])('begins the week on Monday, also on $name', ({ now, monday }) => {
    expect(resolve('week', now, 'utc')).toEqual([monday, 'now'])
  })

  test('takes the last quarter and month from the year before in January', () => {
    expect(resolve('last-quarter', '2026-01-31T12:00:00.000Z', 'utc')).toEqual([
      '2025-10-01T00:00',
      '2026-01-01T00:00',
    ])
    expect(resolve('last-month', '2026-01-31T12:00:00.000Z', 'utc')).toEqual([
      '2025-12-01T00:00',
      '2026-01-01T00:00',
    ])
  })

  test('begins at the first instant of a day that has no midnight', () => {
    process.env.TZ = 'America/Santiago'
    expect(resolve('today', '2026-09-06T15:00:00.000Z', 'local')).toEqual(['2026-09-06T04:00', 'now'])
  })

  test('ends after its start and not after now, in every zone', () => {
    const ranges = Object.keys(timeRanges).filter(isTimeRange)
    const instants = fc.date({
      min: new Date('1980-01-01'),
      max: new Date('2090-01-01'),
      noInvalidDate: true,
    })
    const timeZones = fc.constantFrom(
      'Europe/Vienna',
      'America/Havana',
      'Australia/Lord_Howe',
      'Pacific/Apia',
    )
    fc.assert(
      fc.property(instants, timeZones, fc.constantFrom('local', 'utc'), (now, timeZone, zone) => {
        process.env.TZ = timeZone
        for (const range of ranges) {
          const { from, to } = timeRanges[range].resolve(now.getTime(), zone)
          expect(from).toBeLessThanOrEqual(to ?? now.getTime())
          expect(to ?? now.getTime()).toBeLessThanOrEqual(now.getTime())
        }
      }),
    )
  })

  test('is not any property that every object inherits', () => {
    expect(['constructor', '__proto__', 'toString'].filter(isTimeRange)).toEqual([])
  })
})
