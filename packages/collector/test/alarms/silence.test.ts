import fc from 'fast-check'
import { Temporal } from 'temporal-polyfill'
import { describe, expect, test } from 'vitest'
import { toQuarterHour } from '../../src/domain/alarms/quarterHourCounts.ts'
import { findSilence, type Silence } from '../../src/domain/alarms/silence.ts'
import { findUsualHours, measureUsualMs } from '../../src/domain/alarms/usualHours.ts'

const minute = 60_000
const hour = 60 * minute
const day = 24 * hour
const week = 7 * day
/** A Thursday. */
const start = Date.parse('2026-01-01T00:00:00Z')

/** Lists times from `from` to `to`, exclusive. */
function repeat(from: number, to: number, everyMs: number): number[] {
  return Array.from({ length: Math.ceil((to - from) / everyMs) }, (_, index) => from + index * everyMs)
}

/** Judges a site from the times of its rows. The last sign is the last row before `now`. */
function judge(times: readonly number[], now: number): Silence | undefined {
  const past = times.filter((time) => time <= now).sort((a, b) => a - b)
  const lastSignAt = past.at(-1) ?? 0
  const kept = past.filter((time) => time > lastSignAt - 28 * day)
  return findSilence({ quarterHours: [...new Set(kept.map(toQuarterHour))], lastSignAt, now })
}

/** Lists times from Monday to Friday, 8:00 to 18:00 local time, every ten minutes. */
function listOfficeTimes(from: number, to: number, timeZone: string): number[] {
  return repeat(from, to, 10 * minute).filter((time) => {
    const local = Temporal.Instant.fromEpochMilliseconds(time).toZonedDateTimeISO(timeZone)
    return local.dayOfWeek <= 5 && local.hour >= 8 && local.hour < 18
  })
}

/** Lists the moments just before a row that follows a gap. If a site is silent within a gap, it is silent then. */
function listEndsOfGaps(times: readonly number[], from: number): number[] {
  return times
    .filter((time, index) => time > from && time - (times[index - 1] ?? time) > 10 * minute)
    .map((time) => time - 1)
}

describe('A site with rows around the clock', () => {
  const times = repeat(start, start + 3 * week, 5 * minute)
  const last = times.at(-1) ?? 0

  test('is silent after more than an hour', () => {
    expect(judge(times, last + hour)).toBeUndefined()
    expect(judge(times, last + hour + 1)).toEqual({ since: last, limitMs: hour })
  })

  test('is silent after three times its longest gap', () => {
    const gap = { from: start + 10 * day, to: start + 10 * day + 45 * minute }
    const withGap = times.filter((time) => time <= gap.from || time >= gap.to)
    const limitMs = 3 * 45 * minute
    expect(judge(withGap, last + limitMs)).toBeUndefined()
    expect(judge(withGap, last + limitMs + 1)).toEqual({ since: last, limitMs })
  })

  test('stays silent however long it is dead', () => {
    for (const later of [2 * hour, 9 * day, 29 * day, 400 * day, 10_000 * day])
      expect(judge(times, last + later)).toEqual({ since: last, limitMs: hour })
  })

  test('is judged by its usual gaps after one or two outages, and not by the outages', () => {
    const withOutages = times.filter(
      (time) =>
        !(time > start + 9 * day && time < start + 12 * day) &&
        !(time > start + 15 * day && time < start + 15.5 * day),
    )
    expect(judge(withOutages, last + 2 * hour)).toEqual({ since: last, limitMs: hour })
  })

  test('is not silent because of a gap as long as three earlier ones', () => {
    const weekly = times.filter((time) =>
      [3, 9.5, 17].every((at) => Math.abs(time - start - at * day) > 4 * hour),
    )
    expect(judge(weekly, last + 8 * hour)).toBeUndefined()
  })

  test('is not judged in its first week', () => {
    const young = repeat(start, start + 6.9 * day, 5 * minute)
    expect(judge(young, (young.at(-1) ?? 0) + 30 * day)).toBeUndefined()
  })
})

describe('A site with office hours', () => {
  const timeZone = 'Europe/Vienna'
  const times = listOfficeTimes(start, start + 5 * week, timeZone)

  test('is not silent at night or on weekends', () => {
    for (const now of listEndsOfGaps(times, start + 2 * week))
      expect(judge(times, now), new Date(now).toISOString()).toBeUndefined()
  })

  test('is silent on the morning after it died in the evening', () => {
    const friday = Date.parse('2026-01-30T17:00:00Z')
    const until = (now: string) =>
      judge(
        times.filter((time) => time < friday),
        Date.parse(now),
      )
    expect(until('2026-02-01T12:00:00Z')).toBeUndefined()
    expect(until('2026-02-02T08:30:00Z')).toBeUndefined()
    expect(until('2026-02-02T09:01:00Z')).toMatchObject({ limitMs: hour })
  })

  test.each([
    { timeZone: 'Europe/Vienna', change: '2026-03-29T01:00:00Z' },
    { timeZone: 'Europe/Vienna', change: '2026-10-25T01:00:00Z' },
    { timeZone: 'America/New_York', change: '2026-03-08T07:00:00Z' },
    { timeZone: 'Australia/Sydney', change: '2026-04-04T16:00:00Z' },
  ])('is not silent after the clocks change in $timeZone at $change', ({ timeZone, change }) => {
    const at = Date.parse(change)
    const around = listOfficeTimes(at - 4 * week, at + 2 * week, timeZone)
    for (const now of listEndsOfGaps(around, at))
      expect(judge(around, now), new Date(now).toISOString()).toBeUndefined()
  })
})

test('A site with few, scattered rows is judged by its longest gap in all hours', () => {
  const times = [0, 3.1, 5.4, 9.7, 12.2, 15.9, 20.3, 24.6].map((days) => start + days * day)
  const last = times.at(-1) ?? 0
  expect(judge(times, last + 13 * day)).toBeUndefined()
  expect(judge(times, last + 14 * day)).toMatchObject({ since: last })
  expect(judge(times.slice(0, 5), last + 90 * day)).toBeUndefined()
})

/** Rows at random times of up to 40 days, in any part of the day. */
const histories = fc
  .record({
    everyMs: fc.integer({ min: minute, max: 3 * day }),
    jitter: fc.array(fc.double({ min: 0.01, max: 1, noNaN: true }), { minLength: 1, maxLength: 20 }),
    fromHour: fc.integer({ min: 0, max: 23 }),
    hours: fc.integer({ min: 1, max: 24 }),
    days: fc.integer({ min: 0, max: 40 }),
  })
  .map(({ everyMs, jitter, fromHour, hours, days }) => {
    const times: number[] = []
    let at = start
    for (let index = 0; at < start + days * day; index++) {
      const hourOfDay = ((at - start) % day) / hour
      if ((hourOfDay - fromHour + 24) % 24 < hours) times.push(at)
      at += Math.max(minute, everyMs * (jitter[index % jitter.length] ?? 1))
    }
    return times
  })
const runs = { numRuns: 200 }

test('A silent site stays silent until it reports again', () => {
  fc.assert(
    fc.property(histories, fc.nat(60 * day), fc.nat(400 * day), (times, later, muchLater) => {
      const last = times.at(-1) ?? 0
      const silence = judge(times, last + later)
      if (!silence) return
      expect(judge(times, last + later + muchLater)).toEqual(silence)
      expect(judge([...times, last + later], last + later)).toBeUndefined()
    }),
    runs,
  )
})

test('A site is never silent within an hour', () => {
  fc.assert(
    fc.property(histories, fc.nat(hour), (times, later) => {
      expect(judge(times, (times.at(-1) ?? 0) + later)).toBeUndefined()
    }),
    runs,
  )
})

test('A site with a week of history that dies is silent at some time', () => {
  fc.assert(
    fc.property(histories, (times) => {
      const last = times.at(-1) ?? 0
      if (times.length < 20 || last - (times[0] ?? 0) < 15 * day) return
      expect(judge(times, last + 10 * 365 * day)).toMatchObject({ since: last })
    }),
    runs,
  )
})

test('Usual time adds up, and is never longer than the time', () => {
  const quarterHours = fc.array(fc.nat(4 * 24 * 28), { maxLength: 300 })
  const time = fc.nat(100 * day)
  fc.assert(
    fc.property(quarterHours, fc.tuple(time, time, time), (quarters, parts) => {
      const hours = findUsualHours(quarters)
      const [a, b, c] = [...parts].sort((x, y) => x - y).map((at) => start + at) as [number, number, number]
      const whole = measureUsualMs(hours, a, c)
      expect(whole).toBe(measureUsualMs(hours, a, b) + measureUsualMs(hours, b, c))
      expect(whole).toBeLessThanOrEqual(c - a)
      expect(measureUsualMs(hours, a + week, c + week)).toBe(whole)
    }),
    runs,
  )
})
