import type { Evidence } from './evidence.ts'
import { clockToleranceMs } from './verdict.ts'

/** A moment that a report stated, such as the last access to a session. */
export interface ReportedMoment {
  /** By the collector's clock. */
  readonly at: Date
  /** Milliseconds that were added to the sender's time. */
  readonly clockSkewMs: number
  /** The marker of the browser that sent the report. Null if no browser did. */
  readonly marker: string | null
}

/** Describes a time that a report stated. A server has its own clock, also if it names a marker. */
export function toMoment(
  { evidence, marker, clockSkewMs }: Omit<ReportedMoment, 'at'> & { readonly evidence: Evidence },
  at: Date,
): ReportedMoment {
  return { at, clockSkewMs, marker: evidence === 'server' ? null : marker }
}

/**
 * Returns by how many milliseconds `a` is later than `b`; negative if it is earlier.
 *
 * Reports with the same marker come from one browser, so they are compared by its clock: the conversion to the
 * collector's clock includes the time that each request took. The collector's clock decides when the browser's clock has
 * been set back in between.
 */
export function compareMoments(a: ReportedMoment, b: ReportedMoment): number {
  const differenceMs = a.at.getTime() - b.at.getTime()
  if (a.marker === null || a.marker !== b.marker) return differenceMs
  const addedSkewMs = a.clockSkewMs - b.clockSkewMs
  const senderDifferenceMs = differenceMs - addedSkewMs
  const isSetBack = senderDifferenceMs < 0 && addedSkewMs > clockToleranceMs
  return isSetBack ? differenceMs : senderDifferenceMs
}
