import { type SessionEnd, toColumnName } from '../../domain/sessionEnd.ts'
import { type ListedSessionEnd, listedFieldNames } from '../listedSessionEnd.ts'

/** Reasons that were reported when the session ended. The collector infers the others later. */
const statedReasons = new Set<SessionEnd['reason']>(['logout', 'revoked', 'displaced'])

/**
 * Returns the best known time of the end: when the limit was reached, when somebody ended the session, or otherwise
 * when it was last used.
 */
export function computeEnd({ reason, expiredAt, lastAccessAt, detectedAt }: SessionEnd): Date {
  return expiredAt ?? (statedReasons.has(reason) ? detectedAt : (lastAccessAt ?? detectedAt))
}

/** Returns the milliseconds from the start of the session to its end, if both are known. */
export function computeDurationMs(row: SessionEnd): number | undefined {
  if (row.startedAt === null) return undefined
  const durationMs = computeEnd(row).getTime() - row.startedAt.getTime()
  return durationMs >= 0 ? durationMs : undefined
}

/** Describes the row in one sentence, for people who read the log. */
export function describeSessionEnd({
  subject,
  site,
  reason,
  supersedes,
  needsReview,
}: ListedSessionEnd): string {
  const end = `The session of ${subject ?? 'an unknown user'} at ${site} ended: ${reason.replaceAll('_', ' ')}.`
  if (supersedes === null) return end
  return `${end} This corrects row ${supersedes}.${needsReview ? ' Review it: both rows have the same evidence.' : ''}`
}

/** Returns the labels that mark a correction in formats that have labels. Other rows have none. */
export function listLabels({ supersedes, needsReview }: ListedSessionEnd): string[] | undefined {
  if (supersedes === null) return undefined
  return needsReview ? ['lapse-correction', 'lapse-review'] : ['lapse-correction']
}

/** The fields that every SIEM format has a place for. */
const mappedNames: readonly (keyof ListedSessionEnd)[] = [
  'id',
  'site',
  'subject',
  'reason',
  'startedAt',
  'detectedAt',
  'receivedAt',
  'origin',
  'ip',
  'userAgent',
]

const otherFields = listedFieldNames
  .filter((name) => !mappedNames.includes(name))
  .map((name) => ({ name, column: toColumnName(name) }))

/** Returns the fields that have no place in a SIEM format, by the names of their columns. */
export function pickOtherFields(row: ListedSessionEnd): Readonly<Record<string, unknown>> {
  const picked: Record<string, unknown> = {}
  for (const { name, column } of otherFields) picked[column] = row[name]
  return picked
}
