import { stringify } from 'csv-stringify/sync'
import { replaceUnsafe } from '../../domain/text/plainText.ts'
import { type ListedSessionEnd, listedFieldNames } from '../listedSessionEnd.ts'

/**
 * Matches the places where a spreadsheet would start a formula: before `= + - @` and their full-width forms, after
 * optional spaces and quotes, at the start of a cell and after the cell separators of other locales; and before a tab
 * or a line break at the start. https://owasp.org/www-community/attacks/CSV_Injection
 */
const formulaStart = /(^|[;|\t\r\n])(?=[\s"\p{Cc}\p{Cf}]*[=+\-@\uff0b\uff0d\uff1d\uff20])|^(?=[\t\r\n])/gu

/** Makes a text harmless in spreadsheets, which run formulas, and in terminals, which obey control characters. */
const escapeText = (text: string) => replaceUnsafe(text.replace(formulaStart, "$1'"))

const options = {
  columns: listedFieldNames,
  record_delimiter: 'windows',
  cast: { string: escapeText, date: (time: Date) => time.toISOString(), boolean: String },
} as const

/** The header line (RFC 4180). The columns have the names of the JSON fields. */
export const csvHeader = stringify([], { ...options, header: true })

/** Writes one line for each row. Unknown values are empty. */
export function toCsv(rows: readonly ListedSessionEnd[]): string {
  return stringify([...rows], options)
}
