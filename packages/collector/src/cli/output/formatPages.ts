import { escapeUnsafe } from '../../domain/text/plainText.ts'
import type { Format } from '../../reading/formats/formats.ts'

/** Formats pages of rows as one output. */
export async function* formatPages<Row>(
  pages: AsyncIterable<readonly Row[]>,
  { head, write }: Format<Row>,
): AsyncGenerator<string> {
  if (head) yield head
  for await (const rows of pages) yield write(rows)
}

/** Formats pages of rows as one JSON array, with a line for each row. */
export async function* formatJsonArray(pages: AsyncIterable<readonly object[]>): AsyncGenerator<string> {
  let separator = '['
  for await (const rows of pages)
    for (const row of rows) {
      // JSON does not escape C1 control characters, and terminals obey them.
      yield `${separator}\n${escapeUnsafe(JSON.stringify(row))}`
      separator = ','
    }
  yield separator === '[' ? '[]\n' : '\n]\n'
}
