import { hourMs, minuteMs } from '../../domain/durations.ts'

/** `flag:skew` finds rows whose sender's clock was off by more than this. */
export const maxSkewMs = minuteMs
/** `flag:late` finds rows that were received more than this after the detection. */
export const maxDelayMs = hourMs
/** `flag:burst` finds rows of a site and a sender that reported at least this many ends within one minute. */
export const minBurstRows = 20

/** What each flag finds. */
export const flagDescriptions = {
  clock_anomaly: 'The reported times contradict each other or are impossibly old.',
  skew: "The sender's clock was off by more than 60 seconds.",
  late: 'The row was received more than one hour after the end was detected.',
  correction: 'The row corrects another one.',
  conflict: 'The row corrects another one with the same evidence, so that neither can be trusted more.',
  superseded: 'The row was corrected by another one. Such rows are listed with `revisions=all` only.',
  burst:
    'Browsers at one address reported at least 20 ends of one site within one minute by the clock. If a row has no address, its origin counts. Rows from servers and from the sweep are no part of a burst.',
  self_reported: 'A browser sent the report without a ticket.',
  review: 'The row has one of the flags `clock_anomaly`, `skew`, `conflict` and `burst`.',
} as const

export type Flag = keyof typeof flagDescriptions

// The keys of an object literal are the keys of its type.
export const flags = Object.keys(flagDescriptions) as Flag[]

/** The flags that `flag:review` stands for. */
export const reviewFlags = ['clock_anomaly', 'skew', 'conflict', 'burst'] as const satisfies readonly Flag[]

/**
 * The flags that a row can get from later rows. `conflict` depends on another row too, but that one is earlier and never
 * changes.
 */
export const changingFlags = ['superseded', 'burst', 'review'] as const satisfies readonly Flag[]
