import { compareEvidence, type Evidence } from '../evidence.ts'
import { isSelftestAlias } from '../selftest.ts'
import type { SessionRecords } from './sessionState.ts'

/**
 * Finds the session to which a report with the marker alone belongs, among sessions that are stored under their aliases.
 * The page that sent it does not know the alias, or it was sent before the alias was known.
 *
 * A session of another user is another session. So is one of weaker evidence: anybody can claim an alias for a marker.
 *
 * @param owner whose session it is, and how far that can be trusted.
 * @param candidates the records of sessions that a report with this marker may belong to.
 * @returns the alias, or undefined if no session with an alias has this marker.
 */
export function findAlias(
  marker: string,
  { subject, evidence }: SessionOwner,
  candidates: readonly Pick<SessionRecords, 'live' | 'rows'>[],
): string | undefined {
  const belongs = (each: Session) =>
    each.marker === marker &&
    each.session !== null &&
    !isSelftestAlias(each.session) &&
    compareEvidence(each.evidence, evidence) >= 0 &&
    (subject === null || each.subject === null || each.subject === subject)
  const live = candidates
    .flatMap((candidate) => candidate.live ?? [])
    .filter(belongs)
    .toSorted((a, b) => preferStronger(a, b) || a.registeredAt.getTime() - b.registeredAt.getTime())
  if (live[0]) return live[0].session ?? undefined
  const rows = candidates
    .flatMap((candidate) => candidate.rows)
    .filter(belongs)
    .toSorted((a, b) => preferStronger(a, b) || a.id - b.id)
  return rows[0]?.session ?? undefined
}

/** Of equal evidence, the first session counts: nobody can know a marker before its own session has it. */
function preferStronger(a: Session, b: Session): number {
  return compareEvidence(b.evidence, a.evidence)
}

export interface SessionOwner {
  /** Null if it is unknown. */
  readonly subject: string | null
  readonly evidence: Evidence
}

interface Session extends SessionOwner {
  readonly marker: string | null
  readonly session: string | null
}
