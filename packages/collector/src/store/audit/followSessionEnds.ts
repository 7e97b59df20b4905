import { setTimeout as sleep } from 'node:timers/promises'
import { toError } from '../../domain/thrownError.ts'
import type { ListedSessionEnd } from '../../reading/listedSessionEnd.ts'
import type { FollowOptions } from '../../reading/sessionEndRepository.ts'

/** The queries that following needs. */
interface FollowQueries {
  readMaxId(): Promise<number>
  /** Reads the ids above `id` in ascending order, including rows that do not match the filter. */
  readIdsAbove(id: number): Promise<number[]>
  /** Reads the newest rows that match, newest first. */
  readNewest(limit: number): Promise<readonly ListedSessionEnd[]>
  /** Reads the rows with these ids that match or correct a row that matches, superseded or not, by ascending id. */
  readByIds(ids: readonly number[]): Promise<ListedSessionEnd[]>
}

const pollMs = 1_000
/** How many ids below the highest one may belong to uncommitted rows when following starts. */
const maxInFlightAtStart = 10_000
/**
 * For how many polls a row may be committed after a row with a higher id. The writer gives up on a report after 5
 * seconds, and the sweep on a chunk after 20.
 */
const latePolls = 30
const idsPerQuery = 500

/**
 * Yields each new row once, as it is committed.
 *
 * The database hands out ids before the commit, so a row can appear below the highest id that was seen. Each poll
 * therefore reads the recent ids again. A failed poll changes nothing, so no row is missed however long the database is
 * unavailable.
 */
export async function* followSessionEnds(
  queries: FollowQueries,
  { last, signal, onFailure }: FollowOptions,
): AsyncGenerator<ListedSessionEnd[]> {
  let highestId = await queries.readMaxId()
  /** The highest id at each of the last polls, oldest first. */
  const earlierHighestIds = [Math.max(0, highestId - maxInFlightAtStart)]
  const getLowestRecentId = () => earlierHighestIds[0] ?? 0
  let seenIds = new Set(await queries.readIdsAbove(getLowestRecentId()))
  const newest = last > 0 ? await queries.readNewest(last) : []
  for (const { id } of newest) seenIds.add(id)
  if (newest.length > 0) yield newest.toReversed()

  while (await waitUnlessAborted(pollMs, signal)) {
    try {
      const ids = await queries.readIdsAbove(getLowestRecentId())
      const newIds = ids.filter((id) => !seenIds.has(id))
      for (let start = 0; start < newIds.length && !signal.aborted; start += idsPerQuery) {
        const batch = newIds.slice(start, start + idsPerQuery)
        const matching = await queries.readByIds(batch)
        for (const id of batch) seenIds.add(id)
        if (matching.length > 0) yield matching
      }
      earlierHighestIds.push(highestId)
      highestId = Math.max(highestId, ids.at(-1) ?? 0)
      if (earlierHighestIds.length > latePolls) earlierHighestIds.shift()
      seenIds = new Set([...seenIds].filter((id) => id > getLowestRecentId()))
    } catch (error) {
      onFailure(toError(error))
    }
  }
}

/** @returns whether it waited to the end. */
async function waitUnlessAborted(ms: number, signal: AbortSignal): Promise<boolean> {
  await sleep(ms, undefined, { signal }).catch(() => {})
  return !signal.aborted
}
