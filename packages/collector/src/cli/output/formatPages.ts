import type { Format } from '../../reading/formats/formats.ts'

/** Formats pages of rows as one output. */
export async function* formatPages<Row>(
  pages: AsyncIterable<readonly Row[]>,
  { head, write }: Format<Row>,
): AsyncGenerator<string> {
  if (head) yield head
  for await (const rows of pages) yield write(rows)
}
