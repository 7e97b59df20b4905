/** A row of the audit table that has no position yet. */
export interface UnnumberedRow {
  readonly id: number
  /** The id of the row that it corrects. */
  readonly supersedes: number | null
}

/** Orders rows by id, except that each row comes after the row that it corrects. Ids alone do not guarantee this. */
export function orderByCorrection(rows: readonly UnnumberedRow[]): number[] {
  const byId = new Map(rows.map((row) => [row.id, row]))
  const ordered = new Set<number>()
  for (const { id } of rows.toSorted((a, b) => a.id - b.id)) {
    const chain: number[] = []
    let row = byId.get(id)
    // The chain ends even if somebody has changed the rows so that they form a circle.
    while (row && !ordered.has(row.id) && !chain.includes(row.id)) {
      chain.push(row.id)
      row = row.supersedes === null ? undefined : byId.get(row.supersedes)
    }
    for (const link of chain.toReversed()) ordered.add(link)
  }
  return [...ordered]
}
