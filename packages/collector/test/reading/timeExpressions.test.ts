import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import { describe, expect, test } from 'vitest'
import { dayMs, hourMs } from '../../src/domain/durations.ts'
import { parseDuration } from '../../src/domain/text/parseDuration.ts'
import { parseTimeExpression, resolveTimeRange } from '../../src/reading/timeExpressions.ts'

/** A Wednesday. */
const now = Date.parse('2026-10-14T15:20:00Z')
const utc = { timeZone: 'UTC', now }
const vienna = { timeZone: 'Europe/Vienna', now }

describe('resolveTimeRange', () => {
  test.each([
    ['today', { from: '2026-10-14T00:00:00Z' }],
    ['yesterday', { from: '2026-10-13T00:00:00Z', to: '2026-10-14T00:00:00Z' }],
    ['this week', { from: '2026-10-12T00:00:00Z' }],
    ['last week', { from: '2026-10-05T00:00:00Z', to: '2026-10-12T00:00:00Z' }],
    ['Last-Month', { from: '2026-09-01T00:00:00Z', to: '2026-10-01T00:00:00Z' }],
    ['this month', { from: '2026-10-01T00:00:00Z' }],
    ['this quarter', { from: '2026-10-01T00:00:00Z' }],
    ['last quarter', { from: '2026-07-01T00:00:00Z', to: '2026-10-01T00:00:00Z' }],
    ['this year', { from: '2026-01-01T00:00:00Z' }],
    ['last year', { from: '2025-01-01T00:00:00Z', to: '2026-01-01T00:00:00Z' }],
    ['2026-02', { from: '2026-02-01T00:00:00Z', to: '2026-03-01T00:00:00Z' }],
    ['2025', { from: '2025-01-01T00:00:00Z', to: '2026-01-01T00:00:00Z' }],
    ['2026-10-01', { from: '2026-10-01T00:00:00Z' }],
    ['2026-10-01T08:00', { from: '2026-10-01T08:00:00Z' }],
    ['2026-10-01T08:00:00+02:00', { from: '2026-10-01T06:00:00Z' }],
    ['1760000000000', { from: '2025-10-09T08:53:20Z' }],
    ['7d', { from: '2026-10-07T15:20:00Z' }],
    ['1h30m', { from: '2026-10-14T13:50:00Z' }],
    ['now', { from: '2026-10-14T15:20:00Z' }],
  ])('understands %j', (from, range) => {
    expect(resolveTimeRange({ from }, utc)).toEqual(range)
  })

  test('reads dates and words in the time zone', () => {
    expect(resolveTimeRange({ from: 'yesterday' }, vienna)).toEqual({
      from: '2026-10-12T22:00:00Z',
      to: '2026-10-13T22:00:00Z',
    })
    const summer = { from: '2026-10-24T08:00', to: '2026-10-26' }
    expect(resolveTimeRange(summer, vienna)).toEqual({
      from: '2026-10-24T06:00:00Z',
      to: '2026-10-25T23:00:00Z',
    })
  })

  test('takes a period as its start if there are two ends', () => {
    expect(resolveTimeRange({ from: '2026-07', to: '2026-09' }, utc)).toEqual({
      from: '2026-07-01T00:00:00Z',
      to: '2026-09-01T00:00:00Z',
    })
    expect(resolveTimeRange({ to: 'today' }, utc)).toEqual({ to: '2026-10-14T00:00:00Z' })
  })

  test.each([
    'tomorrow',
    'last decade',
    '2026-13',
    '2026-02-30',
    '2026-10-01T25:00',
    '7',
    '7x',
    '30m1h',
    '-1d',
    '99999999999w',
    '',
  ])('leaves %j to the query, which says that it is invalid', (text) => {
    expect(resolveTimeRange({ from: text, to: text }, utc)).toEqual({ from: text, to: text })
  })
})

const contexts = fc.record({
  timeZone: fc.constantFrom('UTC', 'Europe/Vienna', 'America/Sao_Paulo', 'Asia/Kolkata', 'Pacific/Apia'),
  now: fc.integer({ min: Date.UTC(2000, 0, 1), max: Date.UTC(2040, 0, 1) }),
})
const units = fc.constantFrom('week', 'month', 'quarter', 'year')

describe('A period', () => {
  test('that is current contains now, follows the last one without a gap, and starts with the first moment of a day', () => {
    const checkPeriods = fc.property(contexts, units, (context, unit) => {
      const last = parseTimeExpression(`last ${unit}`, context)
      const current = parseTimeExpression(`this ${unit}`, context)
      const start = Temporal.Instant.fromEpochMilliseconds(current?.start ?? 0).toZonedDateTimeISO(
        context.timeZone,
      )
      expect(start.equals(start.startOfDay())).toBe(true)
      expect(unit === 'week' ? start.dayOfWeek : start.day).toBe(1)
      expect(last?.end).toBe(current?.start)
      expect(current?.start).toBeLessThanOrEqual(context.now)
      expect(current?.end).toBeGreaterThan(context.now)
    })
    fc.assert(checkPeriods)
  })

  test('of a day has 23 to 25 hours, but for days that a time zone has skipped', () => {
    const checkDays = fc.property(contexts, (context) => {
      const yesterday = parseTimeExpression('yesterday', context)
      const today = parseTimeExpression('today', context)
      expect(yesterday?.end).toBe(today?.start)
      const length = (today?.end ?? 0) - (today?.start ?? 0)
      if (context.timeZone !== 'Pacific/Apia') expect(length).toBeGreaterThanOrEqual(23 * hourMs)
      expect(length).toBeLessThanOrEqual(25 * hourMs)
    })
    fc.assert(checkDays)
  })

  test('is the same whether it is named by words or by its month', () => {
    const checkMonths = fc.property(contexts, (context) => {
      const month = Temporal.Instant.fromEpochMilliseconds(context.now)
        .toZonedDateTimeISO(context.timeZone)
        .toPlainDate()
        .toPlainYearMonth()
      expect(parseTimeExpression(month.toString(), context)).toEqual(
        parseTimeExpression('this month', context),
      )
    })
    fc.assert(checkMonths)
  })
})

test('No text makes the parser throw, and each result is a time that can be formatted', () => {
  const texts = fc.oneof(
    fc.string(),
    fc.stringMatching(/^[0-9TZwdhms:+. -]{1,24}$/),
    fc.stringMatching(/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2})?)?$/),
  )
  const checkText = fc.property(texts, contexts, (text, context) => {
    resolveTimeRange({ from: text, to: text }, context)
  })
  fc.assert(checkText, { numRuns: 1000 })
})

test('A duration is the sum of its parts, from weeks to seconds', () => {
  const amount = fc.integer({ min: 0, max: 10_000 })
  const checkDuration = fc.property(amount, amount, amount, (days, minutes, seconds) => {
    expect(parseDuration(`${days}d${minutes}m${seconds}s`)).toBe(
      days * dayMs + minutes * 60_000 + seconds * 1000,
    )
  })
  fc.assert(checkDuration)
  expect(['2w', '12h', '', '5', 'd', '1.5h', '1h 5m', '5m1h', '1y'].map(parseDuration)).toEqual([
    14 * dayMs,
    12 * hourMs,
    ...Array.from({ length: 7 }, () => undefined),
  ])
})
