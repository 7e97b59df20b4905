import { readStoredValue, storeValue } from '../shared/storage.ts'
import type { EndReport } from '../types/endReport.ts'

/** A report in `localStorage`. */
export interface StoredReport extends EndReport {
  /** When the report was stored, at first or after it was sent, in epoch milliseconds. */
  readonly sentAt: number
  /** Not to be sent before this time, in epoch milliseconds. The collector ignores it. */
  readonly retryAt: number
}

/** Returns the report with this key, or `undefined` if there is none that can be read. */
export function readReport(key: string): StoredReport | undefined {
  return readStoredValue(key)
}

/** Whether a report may be sent now. */
export function isDue(report: StoredReport): boolean {
  // If the clock was set back since the report was stored, `retryAt` means nothing.
  return !(report.retryAt > Date.now() && report.sentAt <= Date.now())
}

/**
 * Stores a report that is not to be sent before a delay.
 *
 * @throws if `localStorage` is blocked or full.
 */
export function writeReport(key: string, report: EndReport, delayMs: number) {
  storeValue(key, { ...report, sentAt: Date.now(), retryAt: Date.now() + delayMs })
}
