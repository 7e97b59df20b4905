import { attempt } from '../shared/attempt.ts'
import type { EmitError } from '../shared/emitError.ts'
import { firstAttemptMs, flushIntervalMs, maxReports } from '../shared/limits.ts'
import { removeStoredValue } from '../shared/storage.ts'
import type { EndReport } from '../types/endReport.ts'
import type { Outcome, Verdict } from '../types/verdict.ts'
import { postReport } from './postReport.ts'
import { isDue, readReport, writeReport } from './reportStorage.ts'
import { classifyFailure, computeRetryDelayMs } from './retryPolicy.ts'

/**
 * Creates the outbox of a site, which keeps reports in `localStorage` until the collector has confirmed them.
 *
 * @param maxAgeMs how long an unconfirmed report is kept
 * @param flush sends the reports that are due, on a page that stays open
 */
export function createOutbox(
  site: string,
  reportsUrl: string,
  maxAgeMs: number,
  emitError: EmitError,
  flush: () => void,
) {
  const prefix = `lapse:${site}:`
  let timer: ReturnType<typeof setTimeout> | undefined

  const listKeys = () => Object.keys(localStorage).filter((key) => key.startsWith(prefix))

  /** Takes a step that fails if the browser blocks `localStorage`, or it is full. */
  const useStorage = <Result>(step: () => Result) =>
    attempt(step, (error) => emitError('storage_refused', error))

  /** Drops the oldest reports until there is room for one more. */
  function makeRoom() {
    // The text of a report begins with the time of its detection.
    const newestFirst = listKeys().sort((a, b) => (localStorage[a] < localStorage[b] ? 1 : -1))
    for (const key of newestFirst.slice(maxReports - 1)) {
      emitError('report_evicted', readReport(key))
      removeStoredValue(key)
    }
  }

  /**
   * Stores a report. If another tab has already stored one for the same session, that one stays.
   *
   * @returns whether the browser has stored it.
   */
  function addReport(report: EndReport): true | undefined {
    const key = prefix + report.marker
    return useStorage(() => {
      makeRoom()
      if (!localStorage[key]) writeReport(key, report, firstAttemptMs)
      return true
    })
  }

  /** Makes a page that stays open look again for reports that are due. */
  function scheduleFlush() {
    clearTimeout(timer)
    timer = setTimeout(flush, flushIntervalMs)
  }

  /** Sends a report. Removes it if the collector has confirmed or refused it, or it is too old. */
  async function send(key: string, report: EndReport): Promise<Outcome> {
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
        useStorage(() => writeReport(key, report, delayMs))
        scheduleFlush()
        return { pending: true }
      }
    }
    removeStoredValue(key)
    // The collector answers 2xx only with a verdict.
    return verdict as Verdict | null
  }

  /** Sends all stored reports that are due, one after the other, unless another tab is sending them. */
  async function flushReports() {
    for (const key of useStorage(listKeys) ?? []) {
      const sendIfDue = (lock: Lock | true | null) => {
        const report = lock && readReport(key)
        return report && isDue(report) && send(key, report)
      }
      // Web Locks need a secure context.
      await (navigator.locks?.request(key, { ifAvailable: true }, sendIfDue) ?? sendIfDue(true))
      scheduleFlush()
    }
  }

  return {
    addReport,
    flushReports,
    /** Sends a new report at once: the page wants the verdict, and may be left before a lock is granted. */
    sendNewReport: (report: EndReport) => send(prefix + report.marker, report),
  }
}
