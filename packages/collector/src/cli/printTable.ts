import { getBorderCharacters, table } from 'table'

type Cell = string | number | Date | null

/** Prints rows under headings, each with the value that it takes from a row. */
export function printTable<Row>(
  headings: Readonly<Record<string, (row: Row) => Cell>>,
  rows: readonly Row[],
): void {
  const cells = rows.map((row) => Object.values(headings).map((value) => formatCell(value(row))))
  const text = table([Object.keys(headings), ...cells], {
    border: getBorderCharacters('void'),
    columnDefault: { paddingLeft: 0, paddingRight: 2 },
    drawHorizontalLine: () => false,
  })
  process.stdout.write(text)
}

function formatCell(value: Cell): string {
  if (value instanceof Date) return value.toISOString().slice(0, 19).concat('Z')
  return value === null ? '-' : String(value)
}
