import { compareEvidence } from '../../../src/domain/evidence.ts'
import type { SessionEnd } from '../api/types.ts'
import { formatDateTime, measureMs } from './dateTime.ts'
import { evidenceLabels, reasonLabels } from './labels.ts'

/** Says why a row no longer counts: everything in which the row that corrects it knows better. */
export function explainCorrection(earlier: SessionEnd, correction: SessionEnd): string {
  const { id, reason, lastAccessAt, detectedAt, evidence } = correction
  const claims = [
    wasUsedLater(earlier, correction) &&
      lastAccessAt !== null &&
      `was used until ${formatDateTime(lastAccessAt)}`,
    endedBeforeLimit(earlier, correction) &&
      `had ended before its limit (${reasonLabels[reason].toLowerCase()}, ${formatDateTime(detectedAt)})`,
  ].filter((claim) => claim !== false)
  const faults = [
    earlier.reason === 'clock_anomaly' && 'Its times contradict each other.',
    compareEvidence(evidence, earlier.evidence) > 0 &&
      `Its evidence is weaker than that of row ${id} (${evidenceLabels[evidence].toLowerCase()}).`,
    claims.length > 0 && `According to row ${id}, the session ${claims.join(' and ')}.`,
  ].filter((fault) => fault !== false)
  return faults.length > 0 ? faults.join(' ') : `Row ${id} corrects it.`
}

/** Smaller differences are those of clocks and networks. */
const minLaterMs = 1000

function wasUsedLater(
  { detectedBy, lastAccessAt, expiredAt, detectedAt }: SessionEnd,
  correction: SessionEnd,
): boolean {
  // The sweep knows the last access to within the time that it waits after the limit.
  const toleranceMs = detectedBy === 'sweep' ? measureMs(expiredAt, detectedAt) : null
  const laterMs = measureMs(lastAccessAt ?? detectedAt, correction.lastAccessAt)
  return laterMs !== null && laterMs > (toleranceMs ?? minLaterMs)
}

/** Returns whether the sweep presumed a timeout of a session that had already ended. */
function endedBeforeLimit({ detectedBy, expiredAt }: SessionEnd, correction: SessionEnd): boolean {
  return (
    detectedBy === 'sweep' &&
    expiredAt !== null &&
    !correction.reason.endsWith('_timeout') &&
    Date.parse(correction.detectedAt) < Date.parse(expiredAt)
  )
}
