import { getBorderCharacters, table } from 'table'
import { escapeUnsafe } from '../../domain/text/plainText.ts'

type Cell = string | number | Date | null

/** The columns of a table, each with the value that it takes from a row. */
export type Headings<Row> = Readonly<Record<string, (row: Row) => Cell>>

/** Prints rows under their headings. */
export function printTable<Row>(headings: Headings<Row>, rows: readonly Row[]): void {
  process.stdout.write(tableWriter(headings)(rows))
}

/** Writes a table piece by piece. The headings come with the first; columns become wider as they need. */
export function tableWriter<Row>(headings: Headings<Row>): (rows: readonly Row[]) => string {
  const names = Object.keys(headings)
  let widths: readonly number[] | undefined
  return (rows) => {
    const cells = rows.map((row) => Object.values(headings).map((value) => formatCell(value(row))))
    const lines = widths ? cells : [names, ...cells]
    widths = names.map((_, column) =>
      Math.max(widths?.[column] ?? 0, ...lines.map((line) => line[column]?.length ?? 0)),
    )
    return table(lines, {
      border: getBorderCharacters('void'),
      columns: widths.map((width) => ({ width })),
      columnDefault: { paddingLeft: 0, paddingRight: 2 },
      drawHorizontalLine: () => false,
    })
  }
}

function formatCell(value: Cell): string {
  if (value instanceof Date) return value.toISOString().slice(0, 19).concat('Z')
  return value === null ? '-' : escapeUnsafe(String(value))
}
