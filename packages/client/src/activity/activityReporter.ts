import { describeSession } from '../marker/describeSession.ts'
import type { Marker } from '../marker/marker.ts'
import { postReport } from '../outbox/postReport.ts'
import { classifyFailure, computeRetryDelayMs } from '../outbox/retryPolicy.ts'
import type { EmitError } from '../shared/emitError.ts'
import { claimMs } from '../shared/limits.ts'
import { msPerHour, msPerSecond } from '../shared/time.ts'
import type { ActivityRecorder } from './activityRecorder.ts'
import { chooseHeartbeatSeconds } from './chooseHeartbeatSeconds.ts'
import { pageId, type ReportState, readReportState, writeReportState } from './reportState.ts'

/**
 * Creates the reporter that tells the collector when the session was last used. The tabs of a site together send at most
 * one report per interval, and some more when pages are hidden.
 *
 * @param storageKey the key in `localStorage` under which the tabs share what they have sent
 * @param signal ends the reports when it is aborted
 */
export function createActivityReporter(
  site: string,
  url: string,
  storageKey: string,
  heartbeatSeconds: number | true,
  activity: Pick<ActivityRecorder, 'findIdleTimeoutSeconds' | 'readActiveMarker'>,
  emitError: EmitError,
  signal: AbortSignal,
) {
  let timer: ReturnType<typeof setTimeout> | undefined
  /** The last access in a report of this page that the collector has not answered yet. */
  let pendingAt = 0

  function schedule(delayMs: number) {
    clearTimeout(timer)
    // Up to a tenth later, so that neither the tabs nor all browsers act at the same moment. A timer of more than 24 days
    // would run at once.
    timer = setTimeout(reportActivity, Math.min(msPerHour, delayMs * (1 + Math.random() / 10)))
  }

  /** Sends the last activity, and shares the outcome with the other tabs. */
  async function sendActivity(marker: Marker, intervalMs: number) {
    pendingAt = marker.at
    const delivery = await postReport(url, {
      ...describeSession(site, marker),
      heartbeatSeconds: intervalMs / msPerSecond,
    })
    pendingAt = 0
    const { response } = delivery
    const status = response?.status
    const failure = status !== 204 && classifyFailure(status, 0, 0)
    if (failure) emitError(failure, delivery)
    const state = readReportState(storageKey, marker)
    // Another session has started in the meantime, or the user has signed out.
    if (!state.claimedAt) return
    const now = Date.now()
    let delayMs = intervalMs
    // A refused report would be refused again, so it waits for the next activity as a confirmed one does.
    let changes: Partial<ReportState> = {
      failedAt: undefined,
      confirmedAt: Math.max(marker.at, state.confirmedAt),
    }
    if (failure === 'report_pending') {
      const { failedAt = now } = state
      // Once it has confirmed a report, it is new: another replica of it is older, or is being replaced.
      const isOldCollector = !state.confirmedAt && (status === 404 || status === 405)
      delayMs = isOldCollector
        ? msPerHour
        : computeRetryDelayMs(Math.min(now - failedAt, intervalMs), response?.headers.get('Retry-After'))
      // As soon as the browser is online again, any page may send a report.
      changes = { failedAt, nextAt: response || navigator.onLine ? now + delayMs : now }
    }
    writeReportState(storageKey, { ...state, ...changes })
    schedule(delayMs)
  }

  /**
   * Reports the last activity, now or as soon as a report is due, unless the collector has confirmed it already.
   *
   * @param isHidden whether the page has just been hidden, so that this may be its last chance
   */
  function reportActivity(isHidden?: boolean) {
    clearTimeout(timer)
    timer = undefined
    const marker = activity.readActiveMarker()
    const now = Date.now()
    // If the clock was set back, nobody knows when the last activity was. The next one lowers the marker to the clock.
    if (!marker || marker.at > now || signal.aborted) return
    const state = readReportState(storageKey, marker)
    if (marker.at <= state.confirmedAt) return
    const intervalMs =
      chooseHeartbeatSeconds(heartbeatSeconds, activity.findIdleTimeoutSeconds(marker)) * msPerSecond
    const isDue = now >= state.nextAt
    // A page that is left is hidden too. A user who opens page after page must not cause a report for each.
    const isHiddenDue = (isDue || !state.failedAt) && now - state.hiddenAt >= intervalMs / 4
    const hasClaim = state.claimedBy === pageId
    const claimed = { ...state, claimedAt: now, nextAt: now + intervalMs }
    if (hasClaim || (isHidden && isHiddenDue && marker.at > pendingAt)) {
      writeReportState(storageKey, {
        ...claimed,
        claimedBy: 0,
        hiddenAt: isHidden ? now : state.hiddenAt,
      })
      sendActivity(marker, intervalMs)
    } else if (isDue) {
      // Several pages may get here at the same moment. The claim that is stored last wins.
      writeReportState(storageKey, { ...claimed, claimedBy: pageId })
      schedule(claimMs)
    } else {
      schedule(state.nextAt - now)
    }
  }

  return {
    reportActivity,
    /** Makes sure that activity is reported, in due time. */
    noteActivity() {
      if (!timer) reportActivity()
    },
    /** Ends the reports of a session in all tabs, because its user has signed out. */
    endReports(marker: Marker) {
      const state = readReportState(storageKey, marker)
      // Without a claim, so that the answer to a report that has been sent changes nothing.
      writeReportState(storageKey, { ...state, claimedAt: 0, confirmedAt: Date.now() })
    },
  }
}
