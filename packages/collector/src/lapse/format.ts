import { csvHeader, toCsv } from './csv.ts'
import type { LapseRow } from './row.ts'

/** How rows are written, a few at a time: the heads and the pieces put together are one valid whole. */
export interface Format {
  readonly mediaType: string
  readonly head: string
  readonly write: (rows: readonly LapseRow[]) => string
}

/** One JSON text in each line: https://github.com/ndjson/ndjson-spec */
const lines = (map: (row: LapseRow) => object): Format => ({
  mediaType: 'application/x-ndjson',
  head: '',
  write: (rows) => rows.map((row) => `${JSON.stringify(map(row))}\n`).join(''),
})

export const formats = {
  ndjson: lines((row) => row),
  csv: { mediaType: 'text/csv', head: csvHeader, write: toCsv },
} as const satisfies Record<string, Format>

export type FormatName = keyof typeof formats

// The keys of an object literal are the keys of its type.
export const formatNames = Object.keys(formats) as FormatName[]
