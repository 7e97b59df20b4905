import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { LapseError } from '../domain/errors.ts'
import type { NewSessionEnd, RecordedSessionEnd } from '../domain/sessionEnd.ts'
import { DeadlineError, withinDeadline } from '../lifecycle/withinDeadline.ts'
import { removeRowValues } from '../observability/describeDatabaseError.ts'
import { chooseBatchSize } from './chooseBatchSize.ts'

/** The result for one row of a batch: its row in the table, or why the database refused it. */
export type InsertOutcome = RecordedSessionEnd | { readonly refusal: unknown }

/** Inserts batches of rows into one database. */
export interface Inserter {
  /** How many batches may be in flight at the same time. */
  readonly concurrency: number
  /** The number of open connections. */
  readonly connections: number
  /**
   * Inserts rows in one commit, one row for each session.
   *
   * @param signal stops the insert, whatever it is waiting for.
   * @returns the outcomes in the order of the rows. The refusal of one row does not affect the others.
   * @throws {ConnectionLostError} when the database is unavailable.
   * @throws any other error that prevents the whole batch from being inserted.
   */
  insert(sessionEnds: readonly NewSessionEnd[], signal: AbortSignal): Promise<readonly InsertOutcome[]>
  /** @throws while the database is unavailable. */
  ping(signal: AbortSignal): Promise<void>
  close(): Promise<void>
}

/** The connection or its host failed, not the statement. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError'
}

/** One insert, for metrics. */
export interface Batch {
  readonly size: number
  readonly durationMs: number
  readonly failure: unknown
}

interface WaitingRow {
  readonly sessionEnd: NewSessionEnd
  /** When `write` was called, by the monotonic clock in milliseconds. */
  readonly queuedAt: number
  readonly resolve: (recorded: RecordedSessionEnd) => void
  readonly reject: (error: LapseError) => void
}

/** How many rows can be queued or in flight. Without this limit, memory would grow while the database is slow. */
const maxWaiting = 10_000
/** Larger batches were not faster, and made the first row of a batch wait longer. */
const maxBatchSize = 256
/** How long `write` may take. */
export const writeDeadlineMs = 5_000
/** A row that was queued for longer has too little time left to be inserted. */
const maxQueuedMs = writeDeadlineMs / 2
const pingIntervalMs = 500
/**
 * How long no insert must have failed before a successful ping ends an outage. It is longer than `write` may take, so
 * that inserts which keep failing while pings succeed, for example because the disk is full, still count as an outage.
 */
const quietMs = 2 * writeDeadlineMs
const closePollMs = 10
const retryAfterSeconds = 5

/**
 * The only writer of a process. While inserts are in flight, it gathers the rows that arrive and inserts them together,
 * which takes one commit instead of many. Each caller gets the outcome of its own row, after the commit.
 */
export class BatchingWriter {
  readonly #inserter: Inserter
  readonly #onBatch: (batch: Batch) => void
  readonly #queue: WaitingRow[] = []
  readonly #closing = new AbortController()
  #rowsInFlight = 0
  #activeLoops = 0
  #isUnavailable = false
  #recovering: Promise<void> | undefined
  #failingSince: number | undefined
  #lastFailedAt = 0

  constructor(inserter: Inserter, onBatch: (batch: Batch) => void = () => {}) {
    this.#inserter = inserter
    this.#onBatch = onBatch
  }

  /** The number of rows whose `write` has not been settled. */
  get waiting(): number {
    return this.#queue.length + this.#rowsInFlight
  }

  /** The number of open connections. */
  get connections(): number {
    return this.#inserter.connections
  }

  /**
   * How long all inserts have been failing, in milliseconds. 0 if the last one succeeded, and after an outage, even
   * without another insert: a load balancer sends no reports to a collector that is not ready.
   */
  get failingForMs(): number {
    return this.#failingSince === undefined ? 0 : performance.now() - this.#failingSince
  }

  /**
   * Writes a row, unless its session has one. Resolves after the commit.
   *
   * @throws {LapseError} `unavailable`: after 5 seconds if the database does not answer, and immediately while it is
   * known to be unavailable or while 10,000 rows are waiting.
   */
  write(sessionEnd: NewSessionEnd): Promise<RecordedSessionEnd> {
    if (this.#isUnavailable) return Promise.reject(createUnavailableError('The database is unavailable.'))
    if (this.waiting >= maxWaiting)
      return Promise.reject(createUnavailableError('Too many reports are waiting.'))
    return new Promise((resolve, reject) => {
      this.#queue.push({ sessionEnd, queuedAt: performance.now(), resolve, reject })
      if (this.#activeLoops < this.#inserter.concurrency) void this.#writeBatches()
    })
  }

  /** Waits until all rows are settled, then closes the connections. */
  async close(): Promise<void> {
    while (this.waiting > 0) await sleep(closePollMs)
    this.#closing.abort()
    // A ping would open a connection again.
    await this.#recovering
    await this.#inserter.close()
  }

  async #writeBatches(): Promise<void> {
    this.#activeLoops += 1
    while (this.#queue.length > 0 && !this.#isUnavailable) {
      // Rows that arrive in the current turn of the event loop join the batch.
      await nextTurn()
      await this.#writeBatch(
        this.#queue.splice(0, chooseBatchSize(Math.min(this.#queue.length, maxBatchSize))),
      )
    }
    this.#activeLoops -= 1
  }

  async #writeBatch(taken: readonly WaitingRow[]): Promise<void> {
    const startedAt = performance.now()
    const late = taken.filter(({ queuedAt }) => startedAt - queuedAt > maxQueuedMs)
    const batch = taken.filter(({ queuedAt }) => startedAt - queuedAt <= maxQueuedMs)
    if (late.length > 0) rejectAll(late, createUnavailableError('The database is slow.'))
    const [oldest] = batch
    if (!oldest) return

    this.#rowsInFlight += batch.length
    let failure: unknown
    try {
      const sessionEnds = batch.map(({ sessionEnd }) => sessionEnd)
      const outcomes = await withinDeadline(oldest.queuedAt + writeDeadlineMs - startedAt, (signal) =>
        this.#inserter.insert(sessionEnds, signal),
      )
      batch.forEach((row, index) => {
        settle(row, outcomes[index])
      })
      this.#failingSince = undefined
    } catch (error) {
      failure = error
      this.#failingSince ??= startedAt
      this.#lastFailedAt = performance.now()
      rejectAll(batch, createUnavailableError('The report could not be written to the database.', error))
      if (isConnectionLost(error)) this.#refuseRows(error)
      this.#recovering ??= this.#recover()
    }
    this.#rowsInFlight -= batch.length
    this.#onBatch({ size: batch.length, durationMs: performance.now() - startedAt, failure })
  }

  /** Refuses all rows until the database is reachable again. */
  #refuseRows(cause: unknown): void {
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
    return withinDeadline(writeDeadlineMs, (deadline) => this.#inserter.ping(deadline)).then(
      () => true,
      () => false,
    )
  }
}

function isConnectionLost(error: unknown): boolean {
  return error instanceof DeadlineError || error instanceof ConnectionLostError
}

function settle({ sessionEnd, resolve, reject }: WaitingRow, outcome: InsertOutcome | undefined): void {
  if (outcome && 'row' in outcome) resolve(outcome)
  else
    reject(
      createUnavailableError(
        'The database refused this report.',
        removeRowValues(outcome?.refusal, sessionEnd),
      ),
    )
}

function rejectAll(rows: readonly WaitingRow[], error: LapseError): void {
  for (const { reject } of rows) reject(error)
}

function createUnavailableError(reason: string, cause?: unknown): LapseError {
  return new LapseError('unavailable', `${reason} Send the report again later.`, { cause, retryAfterSeconds })
}
