import { escapeUnsafe } from '../../domain/text/plainText.ts'
import { type ListedLiveSession, listedLiveFieldNames } from '../listedLiveSession.ts'
import { type ListedSessionEnd, listedFieldNames } from '../listedSessionEnd.ts'
import { type HistorySession, historyFieldNames } from '../userHistory.ts'
import { createCsvWriter } from './csv.ts'
import { toEcs } from './ecs.ts'
import { toOcsf } from './ocsf.ts'
import { toOwasp } from './owasp.ts'

/** A format that is written a few rows at a time: `head`, then the result of each `write`. */
export interface Format<Row = ListedSessionEnd> {
  readonly mediaType: string
  readonly head: string
  readonly write: (rows: readonly Row[]) => string
}

/**
 * All formats of exports, by the name that `?format=` and `lapse list --format` accept.
 *
 * To add a format for a SIEM, write a function that maps a row to the SIEM's event, and add a line here. The HTTP API,
 * the command line and their references take the name from this table.
 */
export const formats = {
  ndjson: createNdjsonFormat((row: ListedSessionEnd) => JSON.stringify(row)),
  csv: createCsvFormat<ListedSessionEnd>(listedFieldNames),
  ecs: createSiemFormat(toEcs),
  ocsf: createSiemFormat(toOcsf),
  owasp: createSiemFormat(toOwasp),
} as const satisfies Readonly<Record<string, Format>>

export type FormatName = keyof typeof formats

// The keys of an object literal are the keys of its type.
export const formatNames = Object.keys(formats) as FormatName[]

/** The formats of live sessions, by the name that `lapse sessions --format` accepts. */
export const liveSessionFormats = {
  ndjson: createNdjsonFormat((session: ListedLiveSession) => JSON.stringify(session)),
  csv: createCsvFormat<ListedLiveSession>(listedLiveFieldNames),
} as const satisfies Readonly<Record<string, Format<ListedLiveSession>>>

/** The formats of a user's history, by the name that `lapse history --format` accepts. */
export const historyFormats = {
  ndjson: createNdjsonFormat((session: HistorySession) => JSON.stringify(session)),
  csv: createCsvFormat<HistorySession>(historyFieldNames),
} as const satisfies Readonly<Record<string, Format<HistorySession>>>

function createCsvFormat<Row extends object>(columns: readonly (keyof Row & string)[]): Format<Row> {
  const { header, write } = createCsvWriter(columns)
  return { mediaType: 'text/csv', head: header, write }
}

/** Writes one JSON text per line: https://github.com/ndjson/ndjson-spec */
function createNdjsonFormat<Row>(write: (row: Row) => string): Format<Row> {
  return {
    mediaType: 'application/x-ndjson',
    head: '',
    // JSON does not escape C1 control characters, and terminals obey them.
    write: (rows) => rows.map((row) => `${escapeUnsafe(write(row))}\n`).join(''),
  }
}

/** Writes one event per line. Unlike our own JSON, SIEM formats leave out unknown fields. */
function createSiemFormat(toEvent: (row: ListedSessionEnd) => object): Format {
  return createNdjsonFormat((row) => JSON.stringify(toEvent(row), (_, value) => value ?? undefined))
}
