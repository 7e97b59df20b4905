import { type FormatName, formats } from '../../reading/formats/formats.ts'
import type { ListedSessionEnd } from '../../reading/listedSessionEnd.ts'
import { formatJsonArray, formatPages } from './formatPages.ts'
import { formatSessionEndTable } from './formatSessionEndTable.ts'

/** The formats of `lapse list`. */
export type ListFormat = FormatName | 'json' | 'table'

interface FormatOptions {
  /** Whether the pages contain rows that were corrected. */
  readonly showsCorrected: boolean
}

/** Formats pages of rows as one output. */
export function formatSessionEnds(
  pages: AsyncIterable<readonly ListedSessionEnd[]>,
  format: ListFormat,
  options: FormatOptions,
): AsyncIterable<string> {
  if (format === 'table') return formatSessionEndTable(pages, options)
  return format === 'json' ? formatJsonArray(pages) : formatPages(pages, formats[format])
}
