import { setTimeout as sleep } from 'node:timers/promises'
import { computeRetryDelayMs } from '../../../client/src/outbox/retryPolicy.ts'
import { origin } from '../support/collector.ts'
import { postJson } from '../support/postJson.ts'
import { heartbeatSeconds } from './limits.ts'
import { isConfirmed, type SentReport, type SessionHistory } from './sessionHistory.ts'

const heartbeatMs = heartbeatSeconds * 1000
const browserHeaders = { 'Content-Type': 'text/plain', Origin: origin }

interface ReporterOptions {
  /** The URL of the load balancer. */
  readonly url: string
  /** The token of a server with the scope `write`. */
  readonly token: string
  /** Ends the test. */
  readonly ending: AbortSignal
  /** The fields that all reports of a browser have. */
  readonly identity: Readonly<Record<string, unknown>>
  /** Where the reports are noted. */
  readonly history: SessionHistory
}

/** Sends the reports of one session, at the times at which the client would send them. */
export function createReporter({ url, token, ending, identity, history }: ReporterOptions) {
  let nextAt = 0
  let failedAt: number | undefined
  let confirmedAt = 0
  let isReporting = false

  function scheduleNext({ status, sentAt, answeredAt }: SentReport, retryAfter: string | null): void {
    if (isConfirmed({ status })) {
      failedAt = undefined
      nextAt = sentAt + heartbeatMs
    } else {
      failedAt ??= answeredAt
      nextAt = answeredAt + computeRetryDelayMs(Math.min(answeredAt - failedAt, heartbeatMs), retryAfter)
    }
  }

  async function send(
    kind: SentReport['kind'],
    fields: Readonly<Record<string, unknown>>,
    headers: Readonly<Record<string, string>> = browserHeaders,
  ): Promise<SentReport> {
    const sentAt = Date.now()
    const { lastUsedAt: lastAccessAt } = history
    const path = kind === 'activity' ? '/v1/activity' : '/v1/lapses'
    const answer = await postJson(url + path, { ...identity, lastAccessAt, ...fields, sentAt }, headers)
    const rowId = typeof answer.body.id === 'number' ? answer.body.id : null
    const sent = {
      ...{ kind, lastAccessAt, sentAt, answeredAt: Date.now(), status: answer.status },
      ...(kind === 'end' && { rowId }),
    }
    history.reports.push(sent)
    scheduleNext(sent, answer.retryAfter)
    return sent
  }

  /** Sends the report of an end until it is confirmed, like the outbox of the client. */
  async function sendEnd(...report: [fields: Record<string, unknown>, headers?: Record<string, string>]) {
    nextAt = 0
    while (!ending.aborted) {
      await sleep(Math.max(0, nextAt - Date.now()))
      if (isConfirmed(await send('end', ...report))) return
    }
  }

  return {
    get hasNews() {
      return history.lastUsedAt > confirmedAt
    },
    get isDue() {
      return !isReporting && Date.now() >= nextAt
    },
    async reportActivity(fields: Readonly<Record<string, unknown>> = {}): Promise<void> {
      isReporting = true
      const sent = await send('activity', { heartbeatSeconds, ...fields })
      if (isConfirmed(sent)) confirmedAt = sent.lastAccessAt
      isReporting = false
    },
    reportEnd: (detectedBy: 'logout' | 'login_page', detectedAt: number) =>
      sendEnd({ detectedBy, detectedAt, browserRestarted: false }),
    /** A server knows the alias only. */
    revoke: (detectedAt: number) =>
      sendEnd(
        { ...{ marker: undefined, ticket: undefined, client: undefined }, reason: 'revoked', detectedAt },
        { 'Content-Type': 'application/json', Authorization: `Bearer ${token}` },
      ),
  }
}
