import { setTimeout as sleep } from 'node:timers/promises'
import type { SessionEnd } from '../../domain/sessionEnd.ts'
import type { FollowOptions } from '../../reading/sessionEndRepository.ts'

/** What following needs of the table. */
interface Followed {
  /** The ids above one, in ascending order, whatever else the rows are. */
  idsAbove(id: number): Promise<number[]>
  maxId(): Promise<number>
  /** The newest rows that match. */
  newest(limit: number): Promise<SessionEnd[]>
  /** Those of these rows that match, by ascending id. */
  byIds(ids: readonly number[]): Promise<SessionEnd[]>
}

const pollMs = 1_000
/** How many ids below the highest one may belong to rows that are being written when following begins. */
const inFlightAtStart = 10_000
/** For how many looks a row may be committed after one with a higher id. The writer gives up on a row in 5 seconds. */
const lateLooks = 30
const idsPerQuery = 500

/**
 * Gives each row once, as it comes. Ids are handed out before the commit, so a row can appear below the highest id that
 * was seen: the last ids are looked through again each time. A look that fails moves nothing on, so however long the
 * database is away, no row is missed.
 */
export async function* followSessionEnds(
  table: Followed,
  options: FollowOptions,
): AsyncGenerator<SessionEnd[]> {
  const { last, signal, onFailure } = options
  let highest = await table.maxId()
  const highestBefore = [Math.max(0, highest - inFlightAtStart)]
  let known = new Set(await table.idsAbove(floor()))
  const rows = last > 0 ? await table.newest(last) : []
  for (const { id } of rows) known.add(id)
  if (rows.length > 0) yield rows.reverse()

  function floor(): number {
    return highestBefore[0] ?? 0
  }

  while (await hasWaited(pollMs, signal)) {
    try {
      const ids = await table.idsAbove(floor())
      const fresh = ids.filter((id) => !known.has(id))
      for (let start = 0; start < fresh.length && !signal.aborted; start += idsPerQuery) {
        const part = fresh.slice(start, start + idsPerQuery)
        const matching = await table.byIds(part)
        for (const id of part) known.add(id)
        if (matching.length > 0) yield matching
      }
      highestBefore.push(highest)
      highest = Math.max(highest, ids.at(-1) ?? 0)
      if (highestBefore.length > lateLooks) highestBefore.shift()
      known = new Set([...known].filter((id) => id > floor()))
    } catch (error) {
      onFailure(error instanceof Error ? error : new Error(String(error)))
    }
  }
}

/** Says whether there was no abort meanwhile. */
async function hasWaited(ms: number, signal: AbortSignal): Promise<boolean> {
  await sleep(ms, undefined, { signal }).catch(() => {})
  return !signal.aborted
}
