import { chooseBatchSize } from '../../recording/chooseBatchSize.ts'

/** An upper bound of what a row adds to a statement besides its texts, with lengths and types. */
const rowOverheadBytes = 384

/**
 * Splits the values of rows into statements that fit into the server's packet limit. `chooseBatchSize` keeps the number
 * of different sizes small, because a connection prepares a statement for each size.
 */
export function splitRows(
  rows: readonly (readonly unknown[])[],
  maxPacketBytes: number,
): (readonly (readonly unknown[])[])[] {
  const bytes = rows.map(estimateBytes)
  const parts: (readonly (readonly unknown[])[])[] = []
  for (let start = 0; start < rows.length; ) {
    let size = chooseBatchSize(rows.length - start)
    const fits = () => sum(bytes.slice(start, start + size)) <= maxPacketBytes
    while (size > 1 && !fits()) size = chooseBatchSize(size - 1)
    parts.push(rows.slice(start, start + size))
    start += size
  }
  return parts
}

/**
 * Splits like `splitRows`, and repeats the last row to reach the next size. A statement for which repeated rows change
 * nothing then needs fewer round trips.
 */
export function splitAndPadRows(
  rows: readonly (readonly unknown[])[],
  maxPacketBytes: number,
): (readonly (readonly unknown[])[])[] {
  const [last] = rows.slice(-1)
  if (!last || Math.max(...rows.map(estimateBytes)) * maxPaddedRows > maxPacketBytes)
    return splitRows(rows, maxPacketBytes)
  const parts: (readonly (readonly unknown[])[])[] = []
  for (let start = 0; start < rows.length; start += maxPaddedRows) {
    const part = rows.slice(start, start + maxPaddedRows)
    const size = roundUp(part.length)
    parts.push([...part, ...Array.from({ length: size - part.length }, () => last)])
  }
  return parts
}

const maxPaddedRows = 512

/** Returns the next power of two, or one and a half times a power of two. */
function roundUp(count: number): number {
  const power = 2 ** Math.ceil(Math.log2(count))
  return power * 0.75 >= count && power > 2 ? power * 0.75 : power
}

function estimateBytes(values: readonly unknown[]): number {
  const texts = values.filter((value) => typeof value === 'string')
  return rowOverheadBytes + sum(texts.map((text) => Buffer.byteLength(text)))
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, number) => total + number, 0)
