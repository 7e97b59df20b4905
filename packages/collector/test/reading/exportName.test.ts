import { describe, expect, test } from 'vitest'
import { createExportName } from '../../src/reading/exportName.ts'
import { parseSearch } from '../../src/reading/search/parseSearch.ts'

const createName = (
  { from, to, search, ...filter }: { site?: string; from?: string; to?: string; search?: string },
  timeZone = 'Europe/Vienna',
) =>
  createExportName({
    filter: {
      ...filter,
      ...(from !== undefined && { from: new Date(from) }),
      ...(to !== undefined && { to: new Date(to) }),
      ...(search !== undefined && { search: parseSearch(search) }),
    },
    timeZone,
    extension: 'csv',
  })

describe('The name of an export', () => {
  test.each([
    ['a month', '2026-09-30T22:00:00Z', '2026-10-31T23:00:00Z', '2026-10'],
    ['a day with 25 hours', '2026-10-24T22:00:00Z', '2026-10-25T23:00:00Z', '2026-10-25'],
    ['a quarter', '2026-09-30T22:00:00Z', '2026-12-31T23:00:00Z', '2026-Q4'],
    ['a year', '2025-12-31T23:00:00Z', '2026-12-31T23:00:00Z', '2026'],
    ['a week', '2026-10-04T22:00:00Z', '2026-10-11T22:00:00Z', '2026-10-05_2026-10-11'],
    [
      'three months that are no quarter',
      '2026-08-31T22:00:00Z',
      '2026-11-30T23:00:00Z',
      '2026-09-01_2026-11-30',
    ],
    ['a month of another time zone', '2026-10-01T00:00:00Z', '2026-11-01T00:00:00Z', '2026-10-01_2026-11-01'],
    ['hours of one day', '2026-10-05T08:00:00Z', '2026-10-05T09:00:00Z', '2026-10-05_2026-10-05'],
  ])('has the dates of %s', (_, from, to, dates) => {
    expect(createName({ site: 'acme', from, to })).toBe(`lapse-acme-${dates}.csv`)
  })

  test('has the dates of days that begin after midnight, because of daylight saving time', () => {
    const day = { from: '2026-03-29T02:00:00Z', to: '2026-03-30T02:00:00Z' }
    // In Beirut, clocks go forward at midnight.
    expect(createName({ from: '2026-03-28T22:00:00Z', to: '2026-03-29T21:00:00Z' }, 'Asia/Beirut')).toBe(
      'lapse-all-2026-03-29.csv',
    )
    expect(createName(day, 'UTC')).toBe('lapse-all-2026-03-29_2026-03-30.csv')
  })

  test('says which end of the time span is open', () => {
    expect(createName({ site: 'acme', from: '2026-09-30T22:00:00Z' })).toBe('lapse-acme-since-2026-10-01.csv')
    expect(createName({ site: 'acme', to: '2026-09-30T22:00:00Z' })).toBe('lapse-acme-until-2026-09-30.csv')
    expect(createName({ site: 'acme' })).toBe('lapse-acme.csv')
  })

  test.each([
    [{}, 'all'],
    [{ search: 'site:acme' }, 'acme'],
    [{ search: 'site:acme -site:shop' }, 'acme'],
    [{ search: '-site:acme' }, 'all'],
    [{ search: 'site:acme,shop' }, 'all'],
    [{ search: 'site:ac*' }, 'all'],
    [{ site: 'a/../b"\r\n' }, 'a____b___'],
  ])('has the only site of %j', (filter, site) => {
    expect(createName(filter)).toBe(`lapse-${site}.csv`)
  })
})
