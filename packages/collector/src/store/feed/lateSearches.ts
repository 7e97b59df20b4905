import type { Knex } from 'knex'
import { hourMs, minuteMs } from '../../domain/durations.ts'
import { type IdRange, numberChunk, readUnnumbered } from './numberRows.ts'

/** Which ids are searched for rows that were committed late, and how often. */
interface Schedule {
  /** How long ago the lowest of the ids was assigned. */
  readonly ageMs: number
  readonly everyMs: number
}

/**
 * A row can be committed after a row with a higher id. Most do so within seconds, because the writer gives up on a
 * report after 5 seconds, and the sweep on a chunk after 20. Nobody limits the transactions of others, or how far a node
 * of a cluster lags behind. So older ids are searched too, but less often. The last search covers the whole table.
 */
const schedules: readonly Schedule[] = [
  { ageMs: 3_000, everyMs: 0 },
  { ageMs: minuteMs, everyMs: 10_000 },
  { ageMs: 15 * minuteMs, everyMs: 2 * minuteMs },
  { ageMs: Number.POSITIVE_INFINITY, everyMs: hourMs },
]

/** The ids of one query, which takes milliseconds. */
const idsPerQuery = 20_000
/** How long one run of a search may take. The next run continues it. */
const maxRunMs = 50
/** The nodes of a cluster assign ids from different series, and one of them can be a little behind the others. */
const spareIds = 1_000
/** How many ids the frequent searches cover when a process starts, which does not know when ids were assigned. */
const idsAtStart = 10_000

interface Search extends Schedule {
  /** The ids that are not searched yet. Undefined between two searches. */
  rest: IdRange | undefined
  dueAt: number
}

/** Searches for rows without a position below the progress of the feed, and numbers them. */
export interface LateSearches {
  /** @param upToId the progress of the feed. */
  run(upToId: number): Promise<void>
}

export function createLateSearches(database: Knex, tableName: string): LateSearches {
  const marks = createIdMarks(Math.max(...schedules.map(({ ageMs }) => ageMs).filter(Number.isFinite)))
  const searches = schedules.map((schedule): Search => ({ ...schedule, rest: undefined, dueAt: 0 }))

  async function searchRest(search: Search): Promise<void> {
    const startedAt = performance.now()
    while (search.rest && performance.now() - startedAt < maxRunMs) {
      const { after, upTo } = search.rest
      const part = { after, upTo: Math.min(after + idsPerQuery, upTo) }
      while (await numberLateRows(database, tableName, part));
      search.rest = part.upTo < upTo ? { after: part.upTo, upTo } : undefined
    }
  }

  return {
    async run(upToId) {
      const now = performance.now()
      marks.add(now, upToId)
      for (const search of searches) {
        if (!search.rest && now >= search.dueAt) {
          search.rest = { after: marks.findBefore(now - search.ageMs), upTo: upToId }
          search.dueAt = now + search.everyMs
        }
        await searchRest(search)
      }
    },
  }
}

/** @returns whether more rows may be left. */
async function numberLateRows(database: Knex, tableName: string, range: IdRange): Promise<boolean> {
  // Almost always there are none, and no transaction blocks the writers.
  const [late] = await readUnnumbered(database, tableName, range, 1)
  return late !== undefined && (await numberChunk(database, tableName, range))
}

/** Remembers which ids had been assigned at which time. */
function createIdMarks(maxAgeMs: number) {
  const intervalMs = 1_000
  let marks: { readonly at: number; readonly id: number }[] = []
  return {
    add(at: number, id: number): void {
      if (marks.length === 0) marks.push({ at: Number.NEGATIVE_INFINITY, id: Math.max(0, id - idsAtStart) })
      if (at - (marks.at(-1)?.at ?? 0) >= intervalMs) marks.push({ at, id })
      const lastOld = marks.findLastIndex((mark) => at - mark.at > maxAgeMs)
      if (lastOld > 0) marks = marks.slice(lastOld)
    },
    /** Finds an id such that all ids that were assigned since the time are higher. */
    findBefore(time: number): number {
      if (time === Number.NEGATIVE_INFINITY) return 0
      return Math.max(0, (marks.findLast(({ at }) => at <= time)?.id ?? 0) - spareIds)
    },
  }
}
