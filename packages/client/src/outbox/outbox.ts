import { attempt } from '../shared/attempt.ts'
import type { EmitError } from '../shared/emitError.ts'
import { firstAttemptMs, flushIntervalMs, maxReports } from '../shared/limits.ts'
import type { EndReport } from '../types/endReport.ts'
import type { Outcome, Verdict } from '../types/verdict.ts'
import { postReport } from './postReport.ts'
import { isDue, readReport, removeReport, type StoredReport, writeReport } from './reportStorage.ts'
import { classifyFailure, computeRetryDelayMs } from './retryPolicy.ts'

/**
 * Creates the outbox of a site, which keeps reports in `localStorage` until the collector has confirmed them.
 *
 * @param maxAgeMs how long an unconfirmed report is kept
 */
export function createOutbox(
  site: string,
  reportsUrl: string,
  maxAgeMs: number,
  signal: AbortSignal,
  emitError: EmitError,
) {
  const prefix = `lapse:${site}:`
  let timer: ReturnType<typeof setTimeout> | undefined

  const listKeys = () => Object.keys(localStorage).filter((key) => key.startsWith(prefix))

  /** Drops the oldest reports until there is room for one more. */
  function makeRoom() {
    const readDetectedAt = (key: string) => readReport(key)?.detectedAt ?? 0
    const newestFirst = listKeys().sort((a, b) => readDetectedAt(b) - readDetectedAt(a))
    for (const key of newestFirst.slice(maxReports - 1)) {
      emitError('report_evicted', readReport(key))
      removeReport(key)
    }
  }

  /**
   * Stores a report. If another tab has already stored one for the same session, that one stays.
   *
   * @returns whether the browser has stored it.
   */
  function addReport(report: EndReport): boolean {
    const key = prefix + report.marker
    try {
      makeRoom()
      if (!localStorage[key]) writeReport(key, report, firstAttemptMs)
      return true
    } catch (error) {
      emitError('storage_refused', error)
      return false
    }
  }

  /** Makes a page that stays open look again for reports that are due. */
  function scheduleFlush() {
    clearTimeout(timer)
    timer = setTimeout(() => {
      if (!signal.aborted) flushReports()
    }, flushIntervalMs)
  }

  /** Sends a report. Removes it if the collector has confirmed or refused it, or it is too old. */
  async function send(key: string, report: StoredReport): Promise<Outcome> {
    const delivery = await postReport(reportsUrl, report)
    const { response, body } = delivery
    // A 2xx without JSON comes from another server, such as a captive portal.
    const verdict = response?.ok ? body : null
    if (!verdict) {
      const ageMs = Date.now() - report.detectedAt
      const code = classifyFailure(response?.status, ageMs, maxAgeMs)
      emitError(code, delivery)
      if (code === 'report_pending') {
        const isOnline = response || navigator.onLine
        const delayMs = isOnline ? computeRetryDelayMs(ageMs, response?.headers.get('Retry-After')) : 0
        attempt(() => writeReport(key, report, delayMs))
        scheduleFlush()
        return { pending: true }
      }
    }
    removeReport(key)
    // The collector answers 2xx only with a verdict.
    return verdict as Verdict | null
  }

  /** Sends a stored report if it is due, and otherwise schedules the next attempt. */
  function sendStored(key: string) {
    const report = readReport(key)
    return report && isDue(report) ? send(key, report) : scheduleFlush()
  }

  /** Sends all stored reports that are due, one after the other, unless another tab is sending them. */
  async function flushReports() {
    try {
      for (const key of listKeys()) {
        // Web Locks need a secure context.
        await (navigator.locks
          ? navigator.locks.request(key, { ifAvailable: true }, (lock) =>
              lock ? sendStored(key) : scheduleFlush(),
            )
          : sendStored(key))
      }
    } catch (error) {
      emitError('storage_refused', error)
    }
  }

  return {
    addReport,
    flushReports,
    /** Sends a new report at once: the page wants the verdict, and may be left before a lock is granted. */
    sendNewReport: (report: EndReport) => send(prefix + report.marker, report),
  }
}
