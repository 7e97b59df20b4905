import type { Format } from '../../reading/formats/formats.ts'
import { formatJsonArray, formatPages } from './formatPages.ts'
import { type Columns, createTableFormatter } from './printTable.ts'

interface SessionFormats<Session, Name extends string> {
  readonly formats: Readonly<Record<Name, Format<Session>>>
  /** The columns of a table. */
  readonly columns: Columns<Session>
  /** The text of a table without sessions. */
  readonly emptyText: string
}

/** Formats pages of sessions as a table, as a JSON array, or in one of the formats. */
export function formatSessions<Session extends object, Name extends string>(
  pages: AsyncIterable<readonly Session[]>,
  name: Name | 'json' | 'table',
  { formats, columns, emptyText }: SessionFormats<Session, Name>,
): AsyncIterable<string> {
  if (name === 'table') return formatTable(pages, columns, emptyText)
  return name === 'json' ? formatJsonArray(pages) : formatPages(pages, formats[name])
}

async function* formatTable<Session>(
  pages: AsyncIterable<readonly Session[]>,
  columns: Columns<Session>,
  emptyText: string,
): AsyncGenerator<string> {
  const format = createTableFormatter(columns)
  for await (const page of pages) yield page.length === 0 ? `${emptyText}\n` : format(page)
}
