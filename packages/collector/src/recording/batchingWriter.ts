import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { LapseError } from '../domain/errors.ts'
import { DeadlineError, withinDeadline } from '../lifecycle/withinDeadline.ts'
import { removeRowValues } from '../observability/describeDatabaseError.ts'
import { chooseBatchSize } from './chooseBatchSize.ts'
import {
  type ActivityOutcome,
  type ActivityWork,
  describeTexts,
  type EndOutcome,
  type EndWork,
  type SessionWork,
  type WorkOutcome,
} from './sessionWork.ts'

/** Stores batches of reports in one database. */
export interface SessionStore {
  /** How many batches may be in flight at the same time. */
  readonly concurrency: number
  /** The number of open connections. */
  readonly connections: number
  /**
   * Decides reports on what the database has, in their order, and stores the changes in one commit.
   *
   * @param signal stops the work, whatever it is waiting for.
   * @returns the outcomes in the order of the reports. The refusal of one report does not affect the others.
   * @throws {ConnectionLostError} when the database is unavailable.
   * @throws any other error that prevents the whole batch from being stored.
   */
  store(works: readonly SessionWork[], signal: AbortSignal): Promise<readonly WorkOutcome[]>
  /** @throws while the database is unavailable. */
  ping(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** The connection or its host failed, not the statement. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError'
}

/** One commit, for metrics. */
export interface Batch {
  readonly size: number
  readonly durationMs: number
  readonly failure: unknown
}

interface WaitingWork {
  readonly work: SessionWork
  /** When `write` was called, by the monotonic clock in milliseconds. */
  readonly queuedAt: number
  readonly resolve: (outcome: EndOutcome | ActivityOutcome) => void
  readonly reject: (error: LapseError) => void
}

/** How many reports can be queued or in flight. Without this limit, memory would grow while the database is slow. */
const maxWaiting = 10_000
/** Larger batches were not faster, and made the first report of a batch wait longer. */
const maxBatchSize = 256
/** How long `write` may take. */
export const writeDeadlineMs = 5_000
/** A report that was queued for longer has too little time left to be stored. */
const maxQueuedMs = writeDeadlineMs / 2
const pingIntervalMs = 500
/**
 * How long no batch must have failed before a successful ping ends an outage. It is longer than `write` may take, so
 * that batches which keep failing while pings succeed, for example because the disk is full, still count as an outage.
 */
const quietMs = 2 * writeDeadlineMs
const closePollMs = 10
/**
 * How long to wait for the callers that have just been answered, whose next reports arrive one by one. Without this, most
 * batches were small, and an end report took a tenth more CPU time, and a sixth more of the database's.
 */
const maxGatherMs = 2
const retryAfterSeconds = 5

/**
 * The only writer of a process. While batches are in flight, it gathers the reports that arrive and stores them together,
 * which takes one commit instead of many. Each caller gets the outcome of its own report, after the commit.
 */
export class BatchingWriter {
  readonly #store: SessionStore
  readonly #onBatch: (batch: Batch) => void
  readonly #queue: WaitingWork[] = []
  readonly #closing = new AbortController()
  #inFlight = 0
  #activeLoops = 0
  #lastBatchSize = 0
  #isUnavailable = false
  #recovering: Promise<void> | undefined
  #failingSince: number | undefined
  #lastFailedAt = 0

  constructor(store: SessionStore, onBatch: (batch: Batch) => void = () => {}) {
    this.#store = store
    this.#onBatch = onBatch
  }

  /** The number of reports whose `write` has not been settled. */
  get waiting(): number {
    return this.#queue.length + this.#inFlight
  }

  /** The number of open connections. */
  get connections(): number {
    return this.#store.connections
  }

  /**
   * How long all batches have been failing, in milliseconds. 0 if the last one succeeded, and after an outage, even
   * without another batch: a load balancer sends no reports to a collector that is not ready.
   */
  get failingForMs(): number {
    return this.#failingSince === undefined ? 0 : performance.now() - this.#failingSince
  }

  /**
   * Stores what a report changes. Resolves after the commit.
   *
   * @throws {LapseError} that says why the report is refused.
   * @throws {LapseError} `unavailable`: after 5 seconds if the database does not answer, and immediately while it is
   * known to be unavailable or while 10,000 reports are waiting.
   */
  write(work: EndWork): Promise<EndOutcome>
  write(work: ActivityWork): Promise<ActivityOutcome>
  write(work: SessionWork): Promise<EndOutcome | ActivityOutcome> {
    if (this.#isUnavailable) return Promise.reject(createUnavailableError('The database is unavailable.'))
    if (this.waiting >= maxWaiting)
      return Promise.reject(createUnavailableError('Too many reports are waiting.'))
    return new Promise((resolve, reject) => {
      this.#queue.push({ work, queuedAt: performance.now(), resolve, reject })
      if (this.#activeLoops < this.#store.concurrency) void this.#writeBatches()
    })
  }

  /** Waits until all reports are settled, then closes the connections. */
  async close(): Promise<void> {
    while (this.waiting > 0) await sleep(closePollMs)
    this.#closing.abort()
    // A ping would open a connection again.
    await this.#recovering
    await this.#store.close()
  }

  async #writeBatches(): Promise<void> {
    this.#activeLoops += 1
    while (this.#queue.length > 0 && !this.#isUnavailable) {
      // Reports that arrive in the current turn of the event loop join the batch.
      await nextTurn()
      await this.#gather()
      await this.#writeBatch(
        this.#queue.splice(0, chooseBatchSize(Math.min(this.#queue.length, maxBatchSize))),
      )
    }
    this.#activeLoops -= 1
  }

  /** While the database is busy anyway, waits a moment for a batch of about the size of the last one. */
  async #gather(): Promise<void> {
    const until = performance.now() + maxGatherMs
    while (this.#inFlight > 0 && this.#queue.length < this.#lastBatchSize && performance.now() < until)
      await sleep(1)
  }

  async #writeBatch(taken: readonly WaitingWork[]): Promise<void> {
    const startedAt = performance.now()
    const late = taken.filter(({ queuedAt }) => startedAt - queuedAt > maxQueuedMs)
    const batch = taken.filter(({ queuedAt }) => startedAt - queuedAt <= maxQueuedMs)
    if (late.length > 0) rejectAll(late, createUnavailableError('The database is slow.'))
    const [oldest] = batch
    if (!oldest) return

    this.#lastBatchSize = taken.length
    this.#inFlight += batch.length
    let failure: unknown
    try {
      const works = batch.map(({ work }) => work)
      const outcomes = await withinDeadline(oldest.queuedAt + writeDeadlineMs - startedAt, (signal) =>
        this.#store.store(works, signal),
      )
      batch.forEach((waiting, index) => {
        settle(waiting, outcomes[index])
      })
      this.#failingSince = undefined
    } catch (error) {
      failure = error
      this.#failingSince ??= startedAt
      this.#lastFailedAt = performance.now()
      rejectAll(batch, createUnavailableError('The report could not be written to the database.', error))
      if (isConnectionLost(error)) this.#refuseReports(error)
      this.#recovering ??= this.#recover()
    }
    this.#inFlight -= batch.length
    this.#onBatch({ size: batch.length, durationMs: performance.now() - startedAt, failure })
  }

  /** Refuses all reports until the database is reachable again. */
  #refuseReports(cause: unknown): void {
    this.#isUnavailable = true
    rejectAll(this.#queue.splice(0), createUnavailableError('The database is unavailable.', cause))
  }

  /** Pings the database until the outage is over. */
  async #recover(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted && (this.#isUnavailable || this.#failingSince !== undefined)) {
      // Closing the writer aborts the wait, and the loop ends after this attempt.
      await sleep(pingIntervalMs, undefined, { signal }).catch(() => {})
      if (!(await this.#isReachable())) continue
      this.#isUnavailable = false
      if (performance.now() - this.#lastFailedAt >= quietMs) this.#failingSince = undefined
    }
    this.#recovering = undefined
  }

  async #isReachable(): Promise<boolean> {
    return withinDeadline(writeDeadlineMs, (deadline) => this.#store.ping(deadline)).then(
      () => true,
      () => false,
    )
  }
}

function isConnectionLost(error: unknown): boolean {
  return error instanceof DeadlineError || error instanceof ConnectionLostError
}

function settle({ work, resolve, reject }: WaitingWork, outcome: WorkOutcome | undefined): void {
  if (outcome?.kind === 'refused') reject(outcome.error)
  else if (outcome && outcome.kind !== 'failed') resolve(outcome)
  else {
    const cause = removeRowValues(outcome?.refusal, describeTexts(work))
    reject(createUnavailableError('The database refused this report.', cause))
  }
}

function rejectAll(waiting: readonly WaitingWork[], error: LapseError): void {
  for (const { reject } of waiting) reject(error)
}

function createUnavailableError(reason: string, cause?: unknown): LapseError {
  return new LapseError('unavailable', `${reason} Send the report again later.`, { cause, retryAfterSeconds })
}
