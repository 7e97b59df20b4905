import { mergeActivity, type QueuedReport } from '../reports.ts'
import { maxTimerMs } from '../timers.ts'

/** How long to wait until there is room again. */
const retryMs = 1000

interface TrackedSession {
  /** When the session may be reported again, by the monotonic clock. */
  readonly dueAt: number
  readonly subject: QueuedReport['body'][string] | undefined
  /** The activity since the last report. */
  readonly held: QueuedReport | undefined
}

interface ThrottleOptions {
  readonly intervalMs: number
  /** Beyond this number, the session that is due first is reported early. */
  readonly maxSessions: number
  /** Whether another report can be submitted now. Otherwise, it is held a little longer. */
  hasRoom(): boolean
  submit(report: QueuedReport): void
}

/** Submits a session's first activity at once, and its last activity at the end of each interval. */
export class ActivityThrottle {
  readonly #options: ThrottleOptions
  /** In the order in which the sessions are due, because all intervals are equally long. */
  readonly #sessions = new Map<string, TrackedSession>()
  #timer: NodeJS.Timeout | undefined

  constructor(options: ThrottleOptions) {
    this.#options = options
  }

  add(session: string, report: QueuedReport): void {
    const tracked = this.#sessions.get(session)
    if (tracked) {
      const held = tracked.held ? mergeActivity(tracked.held, report) : report
      this.#sessions.set(session, { ...tracked, held })
    } else this.#submit(session, report)
  }

  /** Submits what is held of a session, which then counts as new. */
  release(session: string): void {
    const { held } = this.#sessions.get(session) ?? {}
    this.#sessions.delete(session)
    if (held) this.#options.submit(held)
  }

  /** The same for all sessions of a user. */
  releaseSubject(subject: string): void {
    for (const [session, tracked] of this.#sessions) if (tracked.subject === subject) this.release(session)
  }

  releaseAll(): void {
    for (const session of this.#sessions.keys()) this.release(session)
    clearTimeout(this.#timer)
  }

  #submit(session: string, report: QueuedReport): void {
    const { intervalMs, maxSessions, submit } = this.#options
    if (this.#sessions.size >= maxSessions) this.#releaseFirst()
    const { subject } = report.body
    this.#sessions.set(session, { dueAt: performance.now() + intervalMs, subject, held: undefined })
    submit(report)
    this.#timer ??= this.#startTimer(intervalMs)
  }

  #releaseFirst(): void {
    const [first] = this.#sessions.keys()
    if (first !== undefined) this.release(first)
  }

  #startTimer(delayMs: number): NodeJS.Timeout {
    return setTimeout(() => this.#submitDue(), Math.min(delayMs, maxTimerMs)).unref()
  }

  #submitDue(): void {
    const now = performance.now()
    this.#timer = undefined
    for (const [session, { dueAt, held }] of this.#sessions) {
      const isBlocked = dueAt <= now && held !== undefined && !this.#options.hasRoom()
      const waitMs = isBlocked ? retryMs : dueAt - now
      if (waitMs > 0) {
        this.#timer ??= this.#startTimer(waitMs)
        return
      }
      this.#sessions.delete(session)
      if (held) this.#submit(session, held)
    }
  }
}
