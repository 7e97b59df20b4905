import { maxLinksPerMarker } from '../../recording/markerLinks.ts'
import { mysqlQuotes } from '../database/quotes.ts'
import { getLiveTableName, splitTableName } from '../database/tableName.ts'

/** How many live sessions of a marker are sorted by their registration. 100,000 take half a second, because no index helps. */
const maxSorted = 5_000

/** The statements that look for sessions by their marker, some of them by how many markers they have. */
export interface MarkerStatements {
  /**
   * Selects the sessions under an alias that have one of the markers. The markers are listed twice. If it returns
   * `maxLinksPerMarker` sessions for each marker on average, or more, there can be others.
   */
  readonly selectLinks: (markers: number) => string
  /**
   * Selects the sessions under an alias that have the marker: the live ones that were registered first, and those that
   * have the first rows. The marker is listed twice.
   */
  readonly selectFirstLinks: string
  /** Selects the markers that have several first rows, one of them under the marker alone. It waits for other writers. */
  readonly selectSplitMarkers: (markers: number) => string
  /** Selects the oldest of the first rows with the marker. */
  readonly selectFirstRows: string
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
  const link = 'site, session_key as sessionKey, marker'
  // The index ends with the id, so the rows need no sorting.
  const firstRows = (condition: string) =>
    `select ${link} ${fromAudit} where site = ? and marker = ? and ${condition}
    order by id limit ${maxLinksPerMarker}`
  return {
    selectLinks: (markers) =>
      [fromLive, fromAudit]
        .map(
          (tables) =>
            `(select distinct ${link} ${tables} where ${markersIn(markers)} and session_key <> marker
            limit ${markers * maxLinksPerMarker})`,
        )
        .join(' union '),
    selectFirstLinks: `(select ${link} from (select site, session_key, marker, registered_at ${fromLive}
      where site = ? and marker = ? and session_key <> marker limit ${maxSorted}) live
      order by registered_at limit ${maxLinksPerMarker}) union (${firstRows('session_key <> marker')})`,
    selectSplitMarkers: (markers) =>
      `select site, marker ${fromAudit} where ${markersIn(markers)} and revision = 1
      group by site, marker having count(*) > 1 and max(session_key = marker) = 1 lock in share mode`,
    selectFirstRows: firstRows('revision = 1'),
  }
}
