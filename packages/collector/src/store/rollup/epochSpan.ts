/** From one instant to another, exclusive, in epoch milliseconds. */
export interface EpochSpan {
  readonly from: number
  readonly to: number
}

interface SplitSpan {
  /** The part that consists of whole units, if there is one. */
  readonly whole: EpochSpan | undefined
  /** The parts at the start and the end that do not fill a whole unit. */
  readonly edges: readonly EpochSpan[]
}

/** Splits a span into the part that consists of whole units of time, and the rest. */
export function splitSpan({ from, to }: EpochSpan, unitMs: number): SplitSpan {
  const firstUnit = Math.ceil(from / unitMs) * unitMs
  const endOfLastUnit = Math.floor(to / unitMs) * unitMs
  if (firstUnit >= endOfLastUnit) return { whole: undefined, edges: [{ from, to }] }
  const edges = [
    { from, to: firstUnit },
    { from: endOfLastUnit, to },
  ].filter((edge) => edge.from < edge.to)
  return { whole: { from: firstUnit, to: endOfLastUnit }, edges }
}
