export const evidenceKinds = ['signed', 'self_reported', 'server'] as const
export type Evidence = (typeof evidenceKinds)[number]

const ranks = { self_reported: 0, signed: 1, server: 2 } satisfies Readonly<Record<Evidence, number>>

/** Compares how far reports can be trusted. Positive if `a` is stronger evidence than `b`, 0 if they are equal. */
export function compareEvidence(a: Evidence, b: Evidence): number {
  return ranks[a] - ranks[b]
}
