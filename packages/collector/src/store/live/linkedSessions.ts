import type { LiveSession } from '../../domain/liveSession.ts'
import { isSelftestAlias } from '../../domain/selftest.ts'
import { type MarkerLink, maxLinksPerMarker } from '../../recording/markerLinks.ts'
import { formatKey, type SessionId } from '../../recording/sessionIds.ts'
import type { MysqlConnection } from '../database/mysql/mysqlConnection.ts'
import { execute } from '../database/mysql/preparedStatements.ts'
import { toKeyValues, toLiveSession } from './liveColumns.ts'
import type { MysqlStatements } from './mysqlStatements.ts'
import { splitAndPadRows } from './splitRows.ts'

/** Locks and reads those sessions that are live. */
export async function lockLive(
  { connection, maxPacketBytes }: MysqlConnection,
  statements: MysqlStatements,
  ids: readonly SessionId[],
): Promise<LiveSession[]> {
  const found: LiveSession[] = []
  for (const keys of splitAndPadRows(ids.map(toKeyValues), maxPacketBytes)) {
    const statement = statements.lockLive(keys.length)
    const records = await execute<Record<string, unknown>[]>(connection, statement, keys.flat())
    found.push(...records.map(toLiveSession))
  }
  return found
}

/** Finds the sessions under an alias that have one of the markers. If a marker has many, only the first. */
export async function selectLinks(
  { connection, maxPacketBytes }: MysqlConnection,
  statements: MysqlStatements,
  markers: readonly SessionId[],
): Promise<MarkerLink[]> {
  const found: MarkerLink[] = []
  let isCut = false
  // Both selects of the statement list the markers.
  for (const keys of splitAndPadRows(markers.map(toKeyValues), maxPacketBytes / 2)) {
    const values = [...keys, ...keys].flat()
    const part = await execute<MarkerLink[]>(connection, statements.selectLinks(keys.length), values)
    found.push(...part)
    isCut ||= part.length >= keys.length * maxLinksPerMarker
  }
  const foundByMarker = Map.groupBy(found, ({ site, marker }) => formatKey(site, marker))
  const links: MarkerLink[] = []
  for (const { site, sessionKey: marker } of markers) {
    const own = foundByMarker.get(formatKey(site, marker)) ?? []
    const values = [site, marker, site, marker]
    if (!isCut && own.length <= maxLinksPerMarker) links.push(...own)
    else links.push(...(await execute<MarkerLink[]>(connection, statements.selectFirstLinks, values)))
  }
  return links.filter(({ sessionKey }) => !isSelftestAlias(sessionKey))
}
