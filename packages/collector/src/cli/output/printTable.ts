import { getBorderCharacters, table } from 'table'
import { escapeUnsafe } from '../../domain/text/plainText.ts'

type Cell = string | number | Date | null

/** The columns of a table: each heading, with a function that reads the column's value from a row. */
export type Columns<Row> = Readonly<Record<string, (row: Row) => Cell>>

/** Prints a table with headings to standard output. */
export function printTable<Row>(columns: Columns<Row>, rows: readonly Row[]): void {
  process.stdout.write(createTableFormatter(columns)(rows))
}

/**
 * Creates a function that formats a table in parts. Only the first part has headings. A column becomes wider when a
 * later part needs it.
 *
 * @param options.alignsNumbers whether all columns but the first are aligned to the right.
 */
export function createTableFormatter<Row>(
  columns: Columns<Row>,
  { alignsNumbers = false } = {},
): (rows: readonly Row[]) => string {
  const headings = Object.keys(columns)
  let widths: readonly number[] | undefined
  return (rows) => {
    const cells = rows.map((row) => Object.values(columns).map((read) => formatCell(read(row))))
    const lines = widths ? cells : [headings, ...cells]
    widths = headings.map((_, column) =>
      Math.max(widths?.[column] ?? 0, ...lines.map((line) => line[column]?.length ?? 0)),
    )
    return table(lines, {
      border: getBorderCharacters('void'),
      columns: widths.map((width, column) => ({
        width,
        alignment: alignsNumbers && column > 0 ? 'right' : 'left',
      })),
      columnDefault: { paddingLeft: 0, paddingRight: 2 },
      drawHorizontalLine: () => false,
    })
  }
}

function formatCell(value: Cell): string {
  if (value instanceof Date) return value.toISOString().slice(0, 19).concat('Z')
  return value === null ? '-' : escapeUnsafe(String(value))
}
