import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import { describe, expect, test } from 'vitest'
import { findPreviousPeriod } from '../../src/reading/previousPeriod.ts'

const vienna = 'Europe/Vienna'
const toDate = (local: string, timeZone = vienna) =>
  new Date(Temporal.PlainDateTime.from(local).toZonedDateTime(timeZone).epochMilliseconds)
const toText = (time: Date, timeZone = vienna) =>
  Temporal.Instant.fromEpochMilliseconds(time.getTime())
    .toZonedDateTimeISO(timeZone)
    .toPlainDateTime()
    .toString({ smallestUnit: 'minute' })

const day = 86_400_000
const timeZones = ['UTC', vienna, 'America/New_York', 'Asia/Kathmandu', 'Africa/Cairo', 'Pacific/Apia']
const periods = fc.record({
  timeZone: fc.constantFrom(...timeZones),
  from: fc.integer({ min: Date.UTC(2000, 0), max: Date.UTC(2030, 0) }),
  length: fc.integer({ min: 1, max: 800 * day }),
})

describe('The previous period', () => {
  test.each([
    ['the whole month', '2026-03-01', '2026-04-01', '2026-02-01T00:00', '2026-03-01T00:00'],
    ['the whole quarter', '2026-07-01', '2026-10-01', '2026-04-01T00:00', '2026-07-01T00:00'],
    ['two whole months', '2026-01-01', '2026-03-01', '2025-11-01T00:00', '2026-01-01T00:00'],
    ['the whole year', '2025-01-01', '2026-01-01', '2024-01-01T00:00', '2025-01-01T00:00'],
    ['today so far', '2026-03-30', '2026-03-30T09:30', '2026-03-29T00:00', '2026-03-29T09:30'],
    ['yesterday', '2026-03-29', '2026-03-30', '2026-03-28T00:00', '2026-03-29T00:00'],
    ['this week so far', '2026-03-23', '2026-03-26T14:00', '2026-03-16T00:00', '2026-03-19T14:00'],
    ['the whole week', '2026-03-23', '2026-03-30', '2026-03-16T00:00', '2026-03-23T00:00'],
    ['this month so far', '2026-05-01', '2026-05-20T10:00', '2026-04-01T00:00', '2026-04-20T10:00'],
    ['31 days of a month', '2026-03-01', '2026-03-31T10:00', '2026-02-01T00:00', '2026-02-28T10:00'],
    ['this quarter so far', '2026-04-01', '2026-05-20T10:00', '2026-01-01T00:00', '2026-02-20T10:00'],
    ['this year so far', '2026-01-01', '2026-11-20T10:00', '2025-01-01T00:00', '2025-11-20T10:00'],
    ['some days', '2026-03-24', '2026-04-03', '2026-03-14T00:00', '2026-03-24T00:00'],
    ['some days and a part', '2026-03-24', '2026-04-03T08:00', '2026-03-13T00:00', '2026-03-23T08:00'],
    ['7 times 24 hours', '2026-03-24T15:00', '2026-03-31T15:00', '2026-03-17T15:00', '2026-03-24T15:00'],
    ['the last hour', '2026-03-24T15:10', '2026-03-24T16:10', '2026-03-24T14:10', '2026-03-24T15:10'],
  ])('of %s', (_, from, to, previousFrom, previousTo) => {
    const found = findPreviousPeriod({ from: toDate(from), to: toDate(to) }, vienna)
    expect([toText(found.from), toText(found.to)]).toEqual([previousFrom, previousTo])
  })

  test('starts at midnight where midnight does not exist', () => {
    const cairo = 'Africa/Cairo'
    // Clocks went forward at midnight on 24 April 2026.
    const found = findPreviousPeriod(
      { from: toDate('2026-04-24T01:00', cairo), to: toDate('2026-04-25', cairo) },
      cairo,
    )
    expect([toText(found.from, cairo), toText(found.to, cairo)]).toEqual([
      '2026-04-23T00:00',
      '2026-04-24T01:00',
    ])
  })

  test('ends no later than the period starts, and is about as long', () => {
    fc.assert(
      fc.property(periods, ({ timeZone, from, length }) => {
        const found = findPreviousPeriod({ from: new Date(from), to: new Date(from + length) }, timeZone)
        expect(found.from.getTime()).toBeLessThan(found.to.getTime())
        expect(found.to.getTime()).toBeLessThanOrEqual(from)
        // Months differ by up to three days, clocks by an hour or, once in Samoa, a day.
        expect(Math.abs(found.to.getTime() - found.from.getTime() - length)).toBeLessThanOrEqual(4 * day)
      }),
    )
  })

  test('of whole months are as many months, in every time zone', () => {
    fc.assert(
      fc.property(periods, ({ timeZone, from, length }) => {
        const start = Temporal.Instant.fromEpochMilliseconds(from).toZonedDateTimeISO(timeZone).startOfDay()
        const month = start.with({ day: 1 }).startOfDay()
        const months = (length % 5) + 1
        const next = month.toPlainDate().add({ months }).toZonedDateTime(timeZone)
        const found = findPreviousPeriod(
          { from: new Date(month.epochMilliseconds), to: new Date(next.epochMilliseconds) },
          timeZone,
        )
        expect(found.to.getTime()).toBe(month.epochMilliseconds)
        expect(found.from.getTime()).toBe(
          month.toPlainDate().subtract({ months }).toZonedDateTime(timeZone).epochMilliseconds,
        )
      }),
    )
  })

  test('never starts before 1970', () => {
    const found = findPreviousPeriod({ from: new Date(day), to: new Date(40 * day) }, 'UTC')
    expect(found).toEqual({ from: new Date(0), to: new Date(day) })
  })
})
