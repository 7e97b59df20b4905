import type { Marker } from '../marker/marker.ts'
import { attempt } from '../shared/attempt.ts'
import { clockToleranceMs } from '../shared/limits.ts'
import { readStoredValue, removeStoredValue, storeValue } from '../shared/storage.ts'

/** What the tabs of a site share about the activity reports of a session. Times are epoch milliseconds. */
export interface ReportState {
  /** The session: its alias or, if that is unknown, the id of its marker. */
  readonly key?: string
  /** The last access that the collector has confirmed, or the time of the logout. Later activity is reported. */
  readonly confirmedAt: number
  /** When a page last claimed a report. */
  readonly claimedAt: number
  /** The page that is going to send the claimed report; 0 once it has sent it. */
  readonly claimedBy?: number
  /** No page sends a report before this time, unless it is hidden. */
  readonly nextAt: number
  /** When a page last sent a report because it was hidden. */
  readonly hiddenAt: number
  /** When the first report failed, if the collector has confirmed none since. */
  readonly failedAt?: number | undefined
}

/** Identifies the page in claims. */
export const pageId = Math.random()

const unknownState: ReportState = { confirmedAt: 0, claimedAt: 0, nextAt: 0, hiddenAt: 0 }

/** What this page has written, for browsers that block `localStorage`. It outlives a client that is stopped. */
const ownStates: Record<string, ReportState> = {}

/** Reads the state of the marker's session. Without `localStorage`, each page has its own. */
export function readReportState(storageKey: string, marker: Marker): ReportState {
  const key = marker.sid ?? marker.id
  const state = readStoredValue<ReportState>(storageKey) ?? ownStates[storageKey] ?? unknownState
  // If the clock was set back since, none of the times means anything.
  const isKnown = state.claimedAt < Date.now() + clockToleranceMs && state.key === key
  return { ...unknownState, ...(isKnown ? state : { key }) }
}

export function writeReportState(storageKey: string, state: ReportState) {
  ownStates[storageKey] = state
  // If `localStorage` is full, no state is better than an old one.
  removeStoredValue(storageKey)
  attempt(() => storeValue(storageKey, state))
}
