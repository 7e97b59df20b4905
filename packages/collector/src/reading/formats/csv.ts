import { stringify } from 'csv-stringify/sync'
import { replaceUnsafe } from '../../domain/text/plainText.ts'

/**
 * Matches the places where a spreadsheet would start a formula: before `= + - @` and their full-width forms, after
 * optional spaces and quotes, at the start of a cell and after the cell separators of other locales; and before a tab
 * or a line break at the start. https://owasp.org/www-community/attacks/CSV_Injection
 */
const formulaStart = /(^|[;|\t\r\n])(?=[\s"\p{Cc}\p{Cf}]*[=+\-@\uff0b\uff0d\uff1d\uff20])|^(?=[\t\r\n])/gu

/** Makes a text harmless in spreadsheets, which run formulas, and in terminals, which obey control characters. */
const escapeText = (text: string) => replaceUnsafe(text.replace(formulaStart, "$1'"))

const baseOptions = {
  record_delimiter: 'windows',
  cast: { string: escapeText, date: (time: Date) => time.toISOString(), boolean: String },
} as const

/** Writes rows as CSV (RFC 4180). */
interface CsvWriter<Row> {
  /** The header line. The columns have the names of the JSON fields. */
  readonly header: string
  /** Writes one line for each row. Unknown values are empty. */
  readonly write: (rows: readonly Row[]) => string
}

export function createCsvWriter<Row extends object>(
  columns: readonly (keyof Row & string)[],
): CsvWriter<Row> {
  const options = { ...baseOptions, columns: [...columns] }
  return {
    header: stringify([], { ...options, header: true }),
    write: (rows) => stringify([...rows], options),
  }
}
