import { mergeActivity, type QueuedReport } from '../reports.ts'

/** A report in the queue. */
export interface QueueEntry {
  /** Increases with each entry. */
  readonly id: number
  readonly report: QueuedReport
}

/** Is told of every change of the queue. */
export interface QueueLog {
  put(entry: QueueEntry): void
  /** @param remainingCount how many reports are in the queue now. */
  remove(ids: readonly number[], remainingCount: number): void
}

/** Reports in the order in which they were made. A session's activity is in it only once. */
export class ReportQueue {
  readonly #maxReports: number
  readonly #onDropped: (reports: readonly QueuedReport[]) => void
  readonly #entries = new Map<number, QueueEntry>()
  /** The entry of each session's activity that is not being sent. */
  readonly #activities = new Map<string, number>()
  #lastId = 0
  #log: QueueLog | undefined

  constructor(maxReports: number, onDropped: (reports: readonly QueuedReport[]) => void) {
    this.#maxReports = maxReports
    this.#onDropped = onDropped
  }

  get size(): number {
    return this.#entries.size
  }

  /** Connects a log to the empty queue. */
  connect(log: QueueLog): void {
    this.#log = log
  }

  /** Lists all entries, in their order. */
  list(): Iterable<QueueEntry> {
    return this.#entries.values()
  }

  add(report: QueuedReport): void {
    const session = getActiveSession(report)
    const existing = this.#entries.get(this.#activities.get(session ?? '') ?? 0)
    if (existing) {
      this.#put({ ...existing, report: mergeActivity(existing.report, report) })
      return
    }
    this.#lastId += 1
    if (session !== undefined) this.#activities.set(session, this.#lastId)
    this.#put({ id: this.#lastId, report })
    if (this.#entries.size > this.#maxReports) this.#dropOldest()
  }

  /** Returns the oldest entries for sending. They stay in the queue until they are removed. */
  take(maxCount: number): QueueEntry[] {
    const entries = [...this.#entries.values()].slice(0, maxCount)
    // Later activity must not change a report that is being sent.
    for (const { report } of entries) this.#activities.delete(getActiveSession(report) ?? '')
    return entries
  }

  /** Returns entries that could not be sent, so that later activity of their sessions is merged into them again. */
  putBack(entries: readonly QueueEntry[]): void {
    for (const { id, report } of entries) {
      const session = getActiveSession(report)
      if (session === undefined || !this.#entries.has(id)) continue
      const newer = this.#entries.get(this.#activities.get(session) ?? 0)
      this.#activities.set(session, id)
      if (!newer) continue
      this.#put({ id, report: mergeActivity(report, newer.report) })
      this.remove([newer])
    }
  }

  remove(entries: readonly QueueEntry[]): void {
    for (const { id, report } of entries) {
      const session = getActiveSession(report) ?? ''
      if (this.#activities.get(session) === id) this.#activities.delete(session)
      this.#entries.delete(id)
    }
    const ids = entries.map(({ id }) => id)
    if (ids.length > 0) this.#log?.remove(ids, this.#entries.size)
  }

  #put(entry: QueueEntry): void {
    this.#entries.set(entry.id, entry)
    this.#log?.put(entry)
  }

  #dropOldest(): void {
    const [oldest] = this.#entries.values()
    if (!oldest) return
    this.remove([oldest])
    this.#onDropped([oldest.report])
  }
}

function getActiveSession({ kind, body }: QueuedReport): string | undefined {
  return kind === 'activity' ? String(body.session) : undefined
}
