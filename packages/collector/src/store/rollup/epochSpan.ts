/** From one instant to another, exclusive, in epoch milliseconds. */
export interface EpochSpan {
  readonly from: number
  readonly to: number
}

/** Returns the parts at the start and the end of a span that do not fill a whole unit of time. */
export function splitEdges({ from, to }: EpochSpan, unitMs: number): EpochSpan[] {
  const firstUnit = Math.ceil(from / unitMs) * unitMs
  const endOfLastUnit = Math.floor(to / unitMs) * unitMs
  if (firstUnit > endOfLastUnit) return [{ from, to }]
  return [
    { from, to: firstUnit },
    { from: endOfLastUnit, to },
  ].filter((edge) => edge.from < edge.to)
}
