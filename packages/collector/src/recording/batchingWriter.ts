import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { LapseError } from '../domain/errors.ts'
import type { NewSessionEnd, Recorded } from '../domain/sessionEnd.ts'
import { DeadlineError, withinDeadline } from '../lifecycle/withinDeadline.ts'
import { removeRowValues } from '../observability/describeDatabaseError.ts'
import { batchSize } from './batchSize.ts'

/** What became of one row of a batch. A row that the database refuses for itself fails alone. */
export type Outcome = Recorded | { readonly refusal: unknown }

/** Puts rows into one database. */
export interface Inserter {
  /** How many batches may be in flight at a time. */
  readonly lanes: number
  /**
   * Writes the rows in one commit, each session's once, and says what became of each, in their order. An aborted
   * signal cuts it off wherever it is.
   *
   * @throws whatever keeps the database from writing any row.
   */
  insert(lapses: readonly NewSessionEnd[], signal: AbortSignal): Promise<readonly Outcome[]>
  /** @throws while the database is away. */
  ping(signal: AbortSignal): Promise<void>
  close(): Promise<void>
  /** How many connections are open. */
  readonly connections: number
}

/** One insert, as an operator sees it. */
export interface Batch {
  readonly size: number
  readonly durationMs: number
  readonly failure: unknown
}

interface Waiting {
  readonly lapse: NewSessionEnd
  /** When it came, by the monotonic clock in milliseconds. */
  readonly since: number
  readonly resolve: (recorded: Recorded) => void
  readonly reject: (error: LapseError) => void
}

/** Rows waiting or in flight. Beyond it, memory would grow with every request while the database is slow. */
const maxWaiting = 10_000
/** The fastest that was measured; larger ones only add to the wait of those that come first. */
const maxBatch = 256
/** From the arrival to the answer, in milliseconds. */
const deadlineMs = 5_000
/** What has waited longer could not be given a fair time to be written any more. */
const maxQueuedMs = deadlineMs / 2
const probeMs = 500
const retryAfterSeconds = 5

/**
 * The one writer of a process: it gathers the rows that arrive while others are being written, and writes them in one
 * commit. Each caller hears what became of its own row, and only after the commit.
 */
export class Writer {
  readonly #inserter: Inserter
  readonly #onBatch: (batch: Batch) => void
  readonly #queue: Waiting[] = []
  readonly #closing = new AbortController()
  #inFlight = 0
  #lanes = 0
  #isAway = false
  #comingBack: Promise<void> | undefined
  #failingSince: number | undefined

  constructor(inserter: Inserter, onBatch: (batch: Batch) => void = () => {}) {
    this.#inserter = inserter
    this.#onBatch = onBatch
  }

  /** How many rows wait for their answer. */
  get waiting(): number {
    return this.#queue.length + this.#inFlight
  }

  get connections(): number {
    return this.#inserter.connections
  }

  /** For how many milliseconds no write has succeeded, though some were tried; 0 while they do. */
  get failingForMs(): number {
    return this.#failingSince === undefined ? 0 : performance.now() - this.#failingSince
  }

  /**
   * Writes the row of a session that ended, once. Resolves after the commit.
   *
   * @throws {LapseError} `unavailable`: within 5 s when the database does not answer, and at once while it is known
   * to be away or when 10,000 rows are waiting already.
   */
  write(lapse: NewSessionEnd): Promise<Recorded> {
    if (this.#isAway) return Promise.reject(unavailable('The database is away.'))
    if (this.waiting >= maxWaiting) return Promise.reject(unavailable('Too many events are waiting.'))
    return new Promise((resolve, reject) => {
      this.#queue.push({ lapse, since: performance.now(), resolve, reject })
      if (this.#lanes < this.#inserter.lanes) void this.#runLane()
    })
  }

  /** Answers what waits, then ends. */
  async close(): Promise<void> {
    while (this.waiting > 0) await sleep(10)
    this.#closing.abort()
    // What looks for the database would open a connection again.
    await this.#comingBack
    await this.#inserter.close()
  }

  async #runLane(): Promise<void> {
    this.#lanes += 1
    while (this.#queue.length > 0 && !this.#isAway) {
      // What has arrived in this turn of the event loop goes along.
      await nextTurn()
      await this.#writeBatch(this.#queue.splice(0, batchSize(Math.min(this.#queue.length, maxBatch))))
    }
    this.#lanes -= 1
  }

  async #writeBatch(taken: readonly Waiting[]): Promise<void> {
    const startedAt = performance.now()
    const late = taken.filter(({ since }) => startedAt - since > maxQueuedMs)
    const batch = taken.filter(({ since }) => startedAt - since <= maxQueuedMs)
    if (late.length > 0) rejectAll(late, unavailable('The database is slow.'))
    const [oldest] = batch
    if (!oldest) return

    this.#inFlight += batch.length
    let failure: unknown
    try {
      const rows = batch.map(({ lapse }) => lapse)
      const outcomes = await withinDeadline(oldest.since + deadlineMs - startedAt, (signal) =>
        this.#inserter.insert(rows, signal),
      )
      batch.forEach((waiting, index) => {
        settle(waiting, outcomes[index])
      })
      this.#failingSince = undefined
    } catch (error) {
      failure = error
      this.#failingSince ??= startedAt
      rejectAll(batch, unavailable('The event could not be written to the database.', error))
      if (isConnectionLost(error)) this.#goAway(error)
    }
    this.#inFlight -= batch.length
    this.#onBatch({ size: batch.length, durationMs: performance.now() - startedAt, failure })
  }

  #goAway(cause: unknown): void {
    if (this.#isAway) return
    this.#isAway = true
    rejectAll(this.#queue.splice(0), unavailable('The database is away.', cause))
    this.#comingBack = this.#comeBack()
  }

  async #comeBack(): Promise<void> {
    const { signal } = this.#closing
    while (!signal.aborted) {
      // A wait that is cut off by closing ends the loop.
      await sleep(probeMs, undefined, { signal }).catch(() => {})
      const isBack = await withinDeadline(deadlineMs, (deadline) => this.#inserter.ping(deadline)).then(
        () => true,
        () => false,
      )
      if (isBack) break
    }
    this.#isAway = false
  }
}

/** A fault of the connection, or of the host behind it, rather than of the statement. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError'
}

function isConnectionLost(error: unknown): boolean {
  return error instanceof DeadlineError || error instanceof ConnectionLostError
}

function settle({ lapse, resolve, reject }: Waiting, outcome: Outcome | undefined): void {
  if (outcome && 'row' in outcome) resolve(outcome)
  else reject(unavailable('The database refused this event.', removeRowValues(outcome?.refusal, lapse)))
}

function rejectAll(waiting: readonly Waiting[], error: LapseError): void {
  for (const { reject } of waiting) reject(error)
}

function unavailable(why: string, cause?: unknown): LapseError {
  return new LapseError('unavailable', `${why} Send the event again later.`, { cause, retryAfterSeconds })
}
