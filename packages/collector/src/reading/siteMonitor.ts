import type { Alarm } from '../domain/alarms/alarm.ts'
import { describeRefusals, describeSilence, describeUnusualShare } from '../domain/alarms/describeAlarms.ts'
import {
  listQuarterHoursWithRows,
  type QuarterHourCounts,
  toQuarterHour,
} from '../domain/alarms/quarterHourCounts.ts'
import { findManyRefusals, getFirstRefusalQuarterHour } from '../domain/alarms/refusals.ts'
import { findSilence, historyMs, type Silence } from '../domain/alarms/silence.ts'
import { findUnusualShares } from '../domain/alarms/unusualShares.ts'
import { dayMs } from '../domain/durations.ts'
import type { LastRows, LiveActivity, SiteRepository } from './siteRepository.ts'

/** The state of a site at one moment. */
export interface MonitoredSite {
  readonly name: string
  readonly idleTimeoutSeconds: number
  /** When its newest row was detected. */
  readonly lastRowAt: Date | undefined
  /** The latest use of a live session. */
  readonly lastActivityAt: Date | undefined
  readonly liveSessions: number
  readonly lastSelftestAt: Date | undefined
  readonly silence: Silence | undefined
  /** The rows of the last 30 days. */
  readonly counts: QuarterHourCounts
}

/** The state of all sites at one moment. */
export interface SiteSnapshot {
  /** Epoch milliseconds. */
  readonly takenAt: number
  /** In the order of the configuration. */
  readonly sites: readonly MonitoredSite[]
  readonly alarms: readonly Alarm[]
  /** Sites that have been silent and report again. */
  readonly formerlySilent: readonly string[]
}

/** Reads the state of all sites. */
export interface SiteMonitor {
  /** @throws {StorageError} when the database cannot be used. */
  read(): Promise<SiteSnapshot>
}

interface MonitorOptions {
  /** The configured sites by name. */
  readonly sites: Readonly<Record<string, { readonly idleTimeoutSeconds: number }>>
  /** Sites that are never silent. */
  readonly quietSites: readonly string[]
  readonly repository: SiteRepository
  readonly clock: { now(): number }
}

/** How long a snapshot is reused. It takes milliseconds, but many dashboards may ask for it. */
const reusedForMs = 10_000
/** The largest share of the time that goes into snapshots. With a million live sessions, one takes half a second. */
const readingShare = 0.05

/** Creates a monitor whose snapshots are shared for ten seconds. */
export function createSiteMonitor(options: MonitorOptions): SiteMonitor {
  let latest: Promise<SiteSnapshot> | undefined
  let isReading = false
  let reusedUntil = 0

  async function read(): Promise<SiteSnapshot> {
    isReading = true
    const startedAt = performance.now()
    try {
      const snapshot = await readSites(options)
      const endedAt = performance.now()
      reusedUntil = endedAt + Math.max(reusedForMs, (endedAt - startedAt) / readingShare)
      return snapshot
    } finally {
      isReading = false
    }
  }

  return {
    read() {
      if (!latest || (!isReading && performance.now() >= reusedUntil)) latest = read()
      return latest
    },
  }
}

/** Today, the same weekday four weeks ago, and a day for time zones and for the 28 days before the last day. */
const countedMs = 30 * dayMs

/**
 * Reads the state of all sites, and computes the alarms.
 *
 * @throws {StorageError} when the database cannot be used.
 */
async function readSites({ sites, quietSites, repository, clock }: MonitorOptions): Promise<SiteSnapshot> {
  const now = clock.now()
  const names = Object.keys(sites)
  const [counts, lastRows, live, refusals, silences] = await Promise.all([
    repository.countRows(names, toQuarterHour(now - countedMs), toQuarterHour(now) + 1),
    repository.findLastRows(names),
    repository.readLiveActivity(),
    repository.readRefusals(getFirstRefusalQuarterHour(now)),
    repository.readSilences(),
  ])
  const monitored: MonitoredSite[] = []
  for (const [name, { idleTimeoutSeconds }] of Object.entries(sites)) {
    const ofSite = counts.get(name) ?? { first: 0, series: [] }
    const times = collectTimes(lastRows.get(name), live.get(name))
    const silence = quietSites.includes(name)
      ? undefined
      : (findKnownSilence(times.lastSignAt, silences.get(name)) ??
        (await judgeSilence(name, { counts: ofSite, ...times, now }, repository)))
    monitored.push({ name, idleTimeoutSeconds, ...times, silence, counts: ofSite })
  }
  const alarms = [
    ...monitored.flatMap(({ name, silence }) => (silence ? [describeSilence(name, silence)] : [])),
    ...findManyRefusals(refusals, now)
      .filter(({ site }) => Object.hasOwn(sites, site))
      .map(describeRefusals),
    ...monitored.flatMap((site) =>
      findUnusualShares(site.counts, now).map((share) => describeUnusualShare(site.name, share)),
    ),
  ]
  const formerlySilent = monitored.flatMap(({ name, silence }) =>
    silences.has(name) && !silence ? [name] : [],
  )
  return { takenAt: now, sites: monitored, alarms, formerlySilent }
}

function collectTimes(rows: LastRows | undefined, live: LiveActivity | undefined) {
  const lastRowAt = rows?.lastRowAt
  const lastActivityAt = live?.lastActivityAt
  const signs = [lastRowAt, lastActivityAt].flatMap((time) => (time ? [time.getTime()] : []))
  return {
    lastRowAt,
    lastActivityAt,
    liveSessions: live?.liveSessions ?? 0,
    lastSelftestAt: rows?.lastSelftestAt,
    lastSignAt: signs.length > 0 ? Math.max(...signs) : undefined,
  }
}

/** A site that was silent stays silent until it reports again, even if its rows have been deleted since. */
function findKnownSilence(lastSignAt: number | undefined, silence: Silence | undefined): Silence | undefined {
  return silence && (lastSignAt === undefined || lastSignAt <= silence.since) ? silence : undefined
}

interface JudgedSite {
  readonly counts: QuarterHourCounts
  readonly lastRowAt: Date | undefined
  readonly lastSignAt: number | undefined
  readonly now: number
}

async function judgeSilence(
  name: string,
  { counts, lastRowAt, lastSignAt, now }: JudgedSite,
  repository: Pick<SiteRepository, 'countRows'>,
): Promise<Silence | undefined> {
  if (lastRowAt === undefined || lastSignAt === undefined) return undefined
  const from = toQuarterHour(lastRowAt.getTime() - historyMs)
  const to = toQuarterHour(lastRowAt.getTime()) + 1
  // The history of a site that has been quiet for days began earlier.
  const history =
    from >= toQuarterHour(now - countedMs)
      ? counts
      : ((await repository.countRows([name], from, to)).get(name) ?? counts)
  return findSilence({ quarterHours: listQuarterHoursWithRows(history, from, to), lastSignAt, now })
}
