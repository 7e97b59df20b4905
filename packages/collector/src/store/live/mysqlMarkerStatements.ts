import { mysqlQuotes } from '../database/quotes.ts'
import { getLiveTableName, splitTableName } from '../database/tableName.ts'

/** The statements that look for sessions by their marker, by how many markers they have. */
export interface MarkerStatements {
  /** Selects the sessions under an alias that have one of the markers. The markers are listed twice. */
  readonly selectLinks: (markers: number) => string
  /** Selects the markers that have several first rows, one of them under the marker alone. It waits for other writers. */
  readonly selectSplitMarkers: (markers: number) => string
  /** Selects the first rows with one of the markers. */
  readonly selectFirstRows: (markers: number) => string
}

export const markersIn = (markers: number) =>
  `(site, marker) in (${Array.from({ length: markers }, () => '(?, ?)').join(', ')})`

export function buildMarkerStatements(tableName: string): MarkerStatements {
  const { schema, table } = splitTableName(tableName)
  const from = (name: string) => {
    const quoted = schema ? mysqlQuotes.table({ schema, table: name }) : mysqlQuotes.name(name)
    return `from ${quoted} force index (${mysqlQuotes.name(`${name}_by_marker`)})`
  }
  const fromAudit = from(table)
  const fromLive = from(getLiveTableName(table, 'live'))
  return {
    selectLinks: (markers) =>
      [fromLive, fromAudit]
        .map(
          (tables) =>
            `select site, session_key as sessionKey, marker ${tables}
            where ${markersIn(markers)} and session_key <> marker`,
        )
        .join(' union '),
    selectSplitMarkers: (markers) =>
      `select site, marker ${fromAudit} where ${markersIn(markers)} and revision = 1
      group by site, marker having count(*) > 1 and max(session_key = marker) = 1 lock in share mode`,
    selectFirstRows: (markers) =>
      `select site, session_key as sessionKey, marker ${fromAudit} where ${markersIn(markers)} and revision = 1`,
  }
}
