/** How often each collector marks in the database that it is running. */
export const markIntervalMs = 1_000
/** A collector whose mark is older has missed three marks. */
export const staleMarkMs = 3 * markIntervalMs

/** What a collector last wrote about itself. Times are epoch milliseconds of the database's clock. */
export interface CollectorMark {
  readonly id: string
  readonly markedAt: number
  /** When the collector stopped in order. Null while it runs, and after a crash. */
  readonly stoppedAt: number | null
}

/** Why reports of activity may be missing. The sweep then waits until their senders have had time to repeat them. */
export type Disturbance =
  /** This collector received reports and could not store them. */
  | { readonly kind: 'unstored' }
  /** No collector was running, or none could reach the database. */
  | { readonly kind: 'gap'; readonly gapMs: number }
  /** Collectors that were running have stopped without a sign-off. */
  | { readonly kind: 'lost'; readonly ids: readonly string[] }

/** @returns how long ago the newest mark is, in milliseconds. 0 if there is none: no collector has run before. */
export function measureGap(marks: readonly CollectorMark[], now: number): number {
  if (marks.length === 0) return 0
  return now - Math.max(...marks.map(({ markedAt, stoppedAt }) => Math.max(markedAt, stoppedAt ?? 0)))
}

/** Finds the other collectors that have missed three marks although they have not stopped in order. */
export function findLostCollectors(
  marks: readonly CollectorMark[],
  ownId: string,
  now: number,
): readonly string[] {
  return marks
    .filter(
      ({ id, markedAt, stoppedAt }) => id !== ownId && stoppedAt === null && now - markedAt > staleMarkMs,
    )
    .map(({ id }) => id)
}
