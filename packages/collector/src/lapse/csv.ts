import { stringify } from 'csv-stringify/sync'
import type { LapseRow } from './row.ts'

const columns = [
  'id',
  'site',
  'sessionKey',
  'marker',
  'session',
  'subject',
  'reason',
  'evidence',
  'detectedBy',
  'startedAt',
  'lastAccessAt',
  'expiredAt',
  'detectedAt',
  'receivedAt',
  'elapsedMs',
  'idleTimeoutSeconds',
  'absoluteTimeoutSeconds',
  'clockSkewMs',
  'browserRestarted',
  'origin',
  'ip',
  'userAgent',
  'clientVersion',
] as const satisfies (keyof LapseRow)[]

const options = {
  columns: [...columns],
  record_delimiter: 'windows',
  // What a spreadsheet would run as a formula begins with an apostrophe: https://owasp.org/www-community/attacks/CSV_Injection
  escape_formulas: true,
  cast: { date: (time: Date) => time.toISOString(), boolean: String },
} as const

/** The names of the columns (RFC 4180), those of the rows in JSON. */
export const csvHeader = stringify([], { ...options, header: true })

/** One line for each row. What is not known is empty. */
export function toCsv(rows: readonly LapseRow[]): string {
  return stringify([...rows], options)
}
