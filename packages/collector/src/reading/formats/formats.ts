import type { SessionEnd } from '../../domain/sessionEnd.ts'
import { escapeUnsafe } from '../../domain/text/plainText.ts'
import { csvHeader, toCsv } from './csv.ts'
import { toEcs } from './ecs.ts'
import { toOcsf } from './ocsf.ts'
import { toOwasp } from './owasp.ts'

/** How rows are written, a few at a time: the heads and the pieces put together are one valid whole. */
export interface Format {
  readonly mediaType: string
  readonly head: string
  readonly write: (rows: readonly SessionEnd[]) => string
}

/** One JSON text in each line: https://github.com/ndjson/ndjson-spec */
const lines = (write: (row: SessionEnd) => string): Format => ({
  mediaType: 'application/x-ndjson',
  head: '',
  // JSON lets C1 control characters stand as they are, and a terminal would obey them.
  write: (rows) => rows.map((row) => `${escapeUnsafe(write(row))}\n`).join(''),
})

/** For a SIEM, where a field that is not known is left out. */
const events = (map: (row: SessionEnd) => object): Format =>
  lines((row) => JSON.stringify(map(row), (_, value) => value ?? undefined))

/** All formats that can be written piece by piece, by their names. */
export const formats = {
  ndjson: lines((row) => JSON.stringify(row)),
  csv: { mediaType: 'text/csv', head: csvHeader, write: toCsv },
  ecs: events(toEcs),
  ocsf: events(toOcsf),
  owasp: events(toOwasp),
} as const satisfies Record<string, Format>

export type FormatName = keyof typeof formats

// The keys of an object literal are the keys of its type.
export const formatNames = Object.keys(formats) as FormatName[]
