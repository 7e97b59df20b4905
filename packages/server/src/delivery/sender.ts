import { setTimeout as sleep } from 'node:timers/promises'
import { LapseServerError } from '../errors.ts'
import type { Events } from '../events.ts'
import type { Settings } from '../options.ts'
import type { QueueEntry, ReportQueue } from '../queue/reportQueue.ts'
import { computeRetryDelayMs } from './backoff.ts'
import { type Delivery, deliver, getEndpoint } from './deliver.ts'
import type { Failure } from './postReports.ts'

/** Reports that are made within this time share a request. */
const gatherMs = 100
const maxReportsPerRequest = 500
/** How long to wait before another attempt while the process stops. */
const repeatMs = 500

interface SenderCounts {
  reported: number
  dropped: number
  lastReportedAt: number | undefined
}

/**
 * Sends the queue to the collector, one request at a time. After a failure, it waits: there is one backoff for all
 * reports.
 */
export class Sender {
  readonly counts: SenderCounts = { reported: 0, dropped: 0, lastReportedAt: undefined }
  lastFailure: LapseServerError | undefined
  readonly #settings: Settings
  readonly #queue: ReportQueue
  readonly #events: Events
  readonly #abort = new AbortController()
  #failures = 0
  /** The collector has asked not to be called before, by the monotonic clock. */
  #notBefore = 0
  #isDraining = false
  #timer: NodeJS.Timeout | undefined
  #sending: Promise<void> | undefined

  constructor(settings: Settings, queue: ReportQueue, events: Events) {
    this.#settings = settings
    this.#queue = queue
    this.#events = events
  }

  /** Sends the queue soon, or after a failure when its delay is over. */
  wake(): void {
    if (!this.#sending && !this.#timer) this.#schedule(gatherMs)
  }

  /** Sends the queue now, unless a request has just failed: then, when its delay is over. */
  wakeNow(): void {
    if (this.#sending || this.#failures > 0) this.wake()
    else {
      clearTimeout(this.#timer)
      this.#schedule(0)
    }
  }

  /**
   * Sends the queue without delay until it is empty, the time is over, or the collector has asked to wait longer.
   *
   * @param options.repeat whether to try again after a failure.
   */
  async drain(timeoutMs: number, { repeat }: { readonly repeat: boolean }): Promise<void> {
    const { signal } = this.#abort
    const endsAt = performance.now() + timeoutMs
    const timer = setTimeout(() => this.#abort.abort(), timeoutMs)
    this.#isDraining = true
    await this.#sending
    const hasToWait = () => this.#notBefore > endsAt
    if (!hasToWait()) await this.#send()
    while (repeat && this.#queue.size > 0 && !signal.aborted && !hasToWait()) {
      await sleep(repeatMs, undefined, { signal }).catch(() => undefined)
      await this.#send()
    }
    clearTimeout(timer)
    clearTimeout(this.#timer)
  }

  #schedule(delayMs: number): void {
    this.#timer = setTimeout(() => void this.#send(), delayMs).unref()
  }

  #send(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#sending ??= this.#sendAll()
      .catch((cause: unknown) =>
        this.#delay({ code: 'collector_unavailable', detail: String(cause), retryAfterMs: 0, cause }),
      )
      .finally(() => {
        this.#sending = undefined
        if (this.#queue.size > 0 && !this.#timer && !this.#isDraining) this.#schedule(gatherMs)
      })
    return this.#sending
  }

  async #sendAll(): Promise<void> {
    while (this.#queue.size > 0 && !this.#abort.signal.aborted) {
      const entries = this.#queue.take(maxReportsPerRequest)
      const failure = await this.#sendEntries(entries).finally(() => this.#queue.putBack(entries))
      if (failure) {
        this.#delay(failure)
        return
      }
      this.#failures = 0
      this.lastFailure = undefined
    }
  }

  /** Activity goes first, so that the collector knows a session's last access when it learns of its end. */
  async #sendEntries(entries: readonly QueueEntry[]): Promise<Failure | undefined> {
    for (const kind of ['activity', 'end', 'subject_end'] as const) {
      const sameKind = entries.filter(({ report }) => report.kind === kind)
      if (sameKind.length === 0) continue
      const startedAt = performance.now()
      const delivery = await deliver(this.#settings, sameKind, this.#abort.signal)
      this.#finish(delivery, getEndpoint(kind), performance.now() - startedAt)
      if (delivery.failure) return delivery.failure
    }
    return undefined
  }

  #finish({ stored, refused }: Delivery, endpoint: '/v1/activity' | '/v1/lapses', durationMs: number): void {
    this.#queue.remove([...stored, ...refused.map(({ entry }) => entry)])
    if (stored.length > 0) {
      this.counts.reported += stored.length
      this.counts.lastReportedAt = Date.now()
      this.#events.emit('reported', { endpoint, count: stored.length, durationMs })
    }
    for (const { entry, detail } of refused) {
      const error = new LapseServerError(
        'report_refused',
        `The collector refused a report, which was dropped. ${detail}`,
      )
      this.counts.dropped += 1
      this.#events.emit('dropped', { reason: 'refused', reports: [entry.report.body], error })
      this.#events.emit('error', error)
    }
  }

  #delay({ code, detail, retryAfterMs, cause }: Failure): void {
    if (this.#abort.signal.aborted) return
    this.#failures += 1
    const delayMs = computeRetryDelayMs(this.#failures, retryAfterMs)
    this.#notBefore = performance.now() + retryAfterMs
    const error = new LapseServerError(
      code,
      `Reports that wait for the collector: ${this.#queue.size}. ${detail}`,
      { cause },
    )
    this.lastFailure = error
    if (!this.#isDraining) this.#schedule(delayMs)
    this.#events.emit('error', error)
  }
}
