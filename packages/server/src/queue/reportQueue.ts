import { mergeActivity, type QueuedReport } from '../reports.ts'

/** A report in the queue. */
export interface QueueEntry {
  /** Increases with each entry. */
  readonly id: number
  readonly report: QueuedReport
}

/** Receives every change of the queue. */
export interface QueueLog {
  put(entry: QueueEntry): void
  remove(ids: readonly number[]): void
}

/** Reports in the order in which they were made. A session's activity is in it only once. */
export class ReportQueue {
  readonly #maxReports: number
  readonly #onDropped: (reports: readonly QueuedReport[]) => void
  readonly #entries = new Map<number, QueueEntry>()
  /** The entry of each session's activity that is not being sent, oldest first. */
  readonly #activities = new Map<string, number>()
  /** The entries that are being sent. */
  readonly #sending = new Set<number>()
  #lastId = 0
  #log: QueueLog | undefined

  constructor(maxReports: number, onDropped: (reports: readonly QueuedReport[]) => void) {
    this.#maxReports = maxReports
    this.#onDropped = onDropped
  }

  get size(): number {
    return this.#entries.size
  }

  /** How many reports can be added before others are dropped. */
  get room(): number {
    return Math.max(0, this.#maxReports - this.#entries.size)
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

  /**
   * Returns the oldest entries for sending. They stay in the queue until they are removed.
   *
   * The end of all sessions of a user is returned alone, so that it stays in order: it must not end a session that
   * started after it.
   */
  take(maxCount: number): QueueEntry[] {
    const oldest = takeFirst(this.#entries.values(), maxCount)
    const boundary = oldest.findIndex(({ report }) => report.kind === 'subject_end')
    const entries = boundary === -1 ? oldest : oldest.slice(0, Math.max(1, boundary))
    for (const { id, report } of entries) {
      this.#sending.add(id)
      // Later activity must not change a report that is being sent.
      this.#activities.delete(getActiveSession(report) ?? '')
    }
    return entries
  }

  /** Returns entries that could not be sent, so that later activity of their sessions is merged into them again. */
  putBack(entries: readonly QueueEntry[]): void {
    for (const { id, report } of entries) {
      this.#sending.delete(id)
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
    if (ids.length > 0) this.#log?.remove(ids)
  }

  #put(entry: QueueEntry): void {
    this.#entries.set(entry.id, entry)
    this.#log?.put(entry)
  }

  /** Drops the oldest activity, or the oldest end if there is none: a session in use is reported again anyway. */
  #dropOldest(): void {
    const [oldestActivity] = this.#activities.values()
    const oldest = this.#entries.get(oldestActivity ?? 0) ?? this.#findOldestUnsent()
    if (!oldest) return
    this.remove([oldest])
    this.#onDropped([oldest.report])
  }

  #findOldestUnsent(): QueueEntry | undefined {
    for (const entry of this.#entries.values()) if (!this.#sending.has(entry.id)) return entry
    return undefined
  }
}

function takeFirst<Item>(items: Iterable<Item>, maxCount: number): Item[] {
  const taken: Item[] = []
  for (const item of items) {
    if (taken.length >= maxCount) break
    taken.push(item)
  }
  return taken
}

function getActiveSession({ kind, body }: QueuedReport): string | undefined {
  return kind === 'activity' ? String(body.session) : undefined
}
