import { isSelftestAlias } from '../../domain/selftest.ts'
import type { NewSessionEnd } from '../../domain/sessionEnd.ts'
import type { MarkerLink } from '../../recording/markerLinks.ts'
import { formatId } from '../../recording/sessionIds.ts'
import type { MysqlConnection } from '../database/mysql/mysqlConnection.ts'
import { execute } from '../database/mysql/preparedStatements.ts'
import type { MysqlStatements } from './mysqlStatements.ts'
import { splitAndPadRows } from './splitRows.ts'

/** Another transaction has just recorded the end of the same session, one under its marker and the other under its alias. */
export class SimultaneousReportsError extends Error {
  override readonly name = 'SimultaneousReportsError'
}

/**
 * Checks that no first row of a session was inserted under its marker while another transaction inserted one under its
 * alias. The two have no key in common, so the database does not notice. Each transaction inserts first and then reads
 * what has the same marker, with a lock that waits for the other one. So at least one of them sees both.
 *
 * @param isKnown returns whether a session was known to have the marker, and yet is another session.
 * @throws {SimultaneousReportsError} if the transaction has to start again.
 */
export async function assertUnsplitSessions(
  connection: MysqlConnection,
  statements: MysqlStatements,
  inserted: readonly NewSessionEnd[],
  isKnown: (link: MarkerLink) => boolean,
): Promise<void> {
  const markers = inserted.flatMap(({ site, sessionKey, marker, revision }) =>
    marker !== null && revision === 1 && !isSelftestAlias(sessionKey) ? [[site, marker]] : [],
  )
  const insertedIds = new Set(inserted.map(formatId))
  const select = <T>(statement: string, values: readonly unknown[]) =>
    execute<T[]>(connection.connection, statement, values)
  for (const part of splitAndPadRows(markers, connection.maxPacketBytes)) {
    const split = await select<{ site: string; marker: string }>(
      statements.selectSplitMarkers(part.length),
      part.flat(),
    )
    for (const { site, marker } of split) {
      const rows = await select<MarkerLink>(statements.selectFirstRows, [site, marker])
      const others = rows.filter(({ sessionKey }) => !isSelftestAlias(sessionKey))
      if (others.some((row) => !insertedIds.has(formatId(row)) && !isKnown(row)))
        throw new SimultaneousReportsError()
    }
  }
}
