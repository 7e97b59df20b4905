import { stringify } from 'csv-stringify/sync'
import type { SessionEnd } from '../../domain/sessionEnd.ts'
import { replaceUnsafe } from '../../domain/text/plainText.ts'

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
] as const satisfies (keyof SessionEnd)[]

/**
 * Where a spreadsheet would see the beginning of a formula: in front of `= + - @` and their full-width forms, spaces and
 * quotes passed over, at the beginning of a cell and behind what separates cells in other locales; and in front of a tab
 * or a line break at the beginning. https://owasp.org/www-community/attacks/CSV_Injection
 */
const formulaStart = /(^|[;|\t\r\n])(?=[\s"\p{Cc}\p{Cf}]*[=+\-@\uff0b\uff0d\uff1d\uff20])|^(?=[\t\r\n])/gu

/** Text that no spreadsheet takes for a formula, and no terminal for a command. */
const formatText = (text: string) => replaceUnsafe(text.replace(formulaStart, "$1'"))

const options = {
  columns: [...columns],
  record_delimiter: 'windows',
  cast: { string: formatText, date: (time: Date) => time.toISOString(), boolean: String },
} as const

/** The names of the columns (RFC 4180), those of the rows in JSON. */
export const csvHeader = stringify([], { ...options, header: true })

/** One line for each row. What is not known is empty. */
export function toCsv(rows: readonly SessionEnd[]): string {
  return stringify([...rows], options)
}
