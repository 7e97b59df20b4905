import { toQuarterHour } from '../domain/alarms/quarterHourCounts.ts'
import type { RefusalCount } from '../domain/alarms/refusals.ts'
import { describeOriginFault, opaqueOrigin } from '../domain/origin.ts'
import { maxLengths } from '../domain/sessionEnd.ts'
import type { Refusal } from './verifyReport.ts'

/**
 * How many origins are told apart for each site in a quarter of an hour. Anyone can invent origins: the others are
 * counted together.
 */
const maxOrigins = 10
/** How many counts may wait for the database. They take about a megabyte. More are lost: they say nothing new. */
const maxWaiting = 5_000

/** Counts refused reports in memory, until a job stores the counts. */
export interface RefusalCounter {
  count(refusal: Refusal, now: number): void
  /** Returns the counts since the last call, and forgets them. */
  take(): readonly RefusalCount[]
  /** Takes back counts that could not be stored. */
  restore(counts: readonly RefusalCount[]): void
}

export function createRefusalCounter(): RefusalCounter {
  let waiting = new Map<string, RefusalCount>()
  /** The origins of the current quarter of an hour by site. They outlast `take`. */
  let origins = new Map<string, Set<string>>()
  let originsSince = 0

  function add(count: RefusalCount): void {
    const key = JSON.stringify([count.site, count.quarterHour, count.kind, count.origin])
    const found = waiting.get(key)
    if (!found && waiting.size >= maxWaiting) return
    waiting.set(key, { ...count, count: (found?.count ?? 0) + count.count })
  }

  function nameOrigin({ site, origin }: Refusal, quarterHour: number): string {
    if (origin === opaqueOrigin) return opaqueOrigin
    if (origin.length > maxLengths.origin || describeOriginFault(origin) !== undefined) return 'invalid'
    if (quarterHour !== originsSince) origins = new Map()
    originsSince = quarterHour
    const known = origins.get(site) ?? new Set()
    origins.set(site, known)
    if (!known.has(origin) && known.size >= maxOrigins) return 'other'
    known.add(origin)
    return origin
  }

  return {
    count(refusal, now) {
      const { site, kind } = refusal
      const quarterHour = toQuarterHour(now)
      const origin = kind === 'origin' ? nameOrigin(refusal, quarterHour) : ''
      add({ site, kind, origin, quarterHour, count: 1 })
    },
    take() {
      // In the order of the primary key, so that replicas that store the same keys do not deadlock.
      const taken = [...waiting].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, count]) => count)
      waiting = new Map()
      return taken
    },
    restore(counts) {
      for (const count of counts) add(count)
    },
  }
}
