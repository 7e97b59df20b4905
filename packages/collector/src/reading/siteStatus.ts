import { Temporal } from 'temporal-polyfill'
import { z } from 'zod'
import { type QuarterHourCounts, sumCounts, toQuarterHour } from '../domain/alarms/quarterHourCounts.ts'
import { quarterHourMs } from '../domain/durations.ts'
import type { MonitoredSite, SiteSnapshot } from './siteMonitor.ts'
import { timeZoneSchema } from './timeZone.ts'

export const siteStatusQuerySchema = z.strictObject({ timeZone: timeZoneSchema })

/** Whether a site is still reporting, and how much. */
export interface SiteStatus {
  readonly site: string
  readonly lastRowAt: Date | null
  readonly lastActivityAt: Date | null
  readonly liveSessions: number
  readonly today: Today
  readonly silent: { readonly since: Date; readonly limitSeconds: number } | null
  readonly lastSelftestAt: Date | null
  readonly idleTimeoutSeconds: number
  readonly alarms: number
}

interface Today {
  /** How many sessions have ended since midnight. */
  readonly count: number
  /** The median of the same weekday and hours of the last four weeks. Null without history. */
  readonly usual: number | null
  readonly until: Date
}

/** Describes the sites of a snapshot, silent ones first. Days begin in the time zone. */
export function describeSites({ sites, alarms, takenAt }: SiteSnapshot, timeZone: string): SiteStatus[] {
  const described = sites.map((site) => ({
    site: site.name,
    lastRowAt: site.lastRowAt ?? null,
    lastActivityAt: site.lastActivityAt ?? null,
    liveSessions: site.liveSessions,
    today: describeToday(site.counts, takenAt, timeZone),
    silent: describeSilence(site),
    lastSelftestAt: site.lastSelftestAt ?? null,
    idleTimeoutSeconds: site.idleTimeoutSeconds,
    alarms: alarms.filter((alarm) => alarm.site === site.name).length,
  }))
  // The order within each part stays.
  return described.sort((a, b) => Number(b.silent !== null) - Number(a.silent !== null))
}

function describeSilence({ silence }: MonitoredSite): SiteStatus['silent'] {
  if (!silence) return null
  return { since: new Date(silence.since), limitSeconds: Math.round(silence.limitMs / 1000) }
}

const comparedWeeks = [1, 2, 3, 4]

/** Compares the rows since midnight with the same weekday and hours of each of the last four weeks. */
function describeToday(history: QuarterHourCounts, now: number, timeZone: string): Today {
  const moment = Temporal.Instant.fromEpochMilliseconds(now).toZonedDateTimeISO(timeZone)
  const firstRow = findFirstQuarterHour(history)
  const usualCounts = comparedWeeks
    .map((weeks) => moment.subtract({ weeks }))
    .filter((then) => toQuarterHour(then.startOfDay().epochMilliseconds) >= firstRow)
    .map((then) => countSinceMidnight(history, then))
  const usual = findMedian(usualCounts)
  return {
    // The current quarter of an hour has no more rows than there are.
    count: countRows(history, moment.startOfDay().epochMilliseconds, now + quarterHourMs),
    usual: usual === undefined ? null : Math.round(usual),
    until: new Date(now),
  }
}

/** Counts by quarters of an hour, and the last one by the part that has passed. */
function countSinceMidnight(history: QuarterHourCounts, until: Temporal.ZonedDateTime): number {
  const from = until.startOfDay().epochMilliseconds
  const to = until.epochMilliseconds
  const last = countRows(history, to, to + quarterHourMs)
  return countRows(history, from, to) + (last * (to % quarterHourMs)) / quarterHourMs
}

function countRows({ first, series }: QuarterHourCounts, from: number, to: number): number {
  return series.reduce(
    (sum, { counts }) => sum + sumCounts(counts, first, toQuarterHour(from), toQuarterHour(to)),
    0,
  )
}

function findFirstQuarterHour({ first, series }: QuarterHourCounts): number {
  const indexes = series
    .map(({ counts }) => counts.findIndex((count) => count > 0))
    .filter((index) => index >= 0)
  return indexes.length === 0 ? Number.POSITIVE_INFINITY : first + Math.min(...indexes)
}

function findMedian(numbers: readonly number[]): number | undefined {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]]
  return low === undefined || high === undefined ? undefined : (low + high) / 2
}
