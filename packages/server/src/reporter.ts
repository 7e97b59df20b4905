import { inspect } from 'node:util'
import { ActivityThrottle } from './activity/activityThrottle.ts'
import { Sender } from './delivery/sender.ts'
import { LapseServerError } from './errors.ts'
import { Events, type LapseServerEvents, type Listener } from './events.ts'
import type { CloseOptions, Health, LapseServer } from './lapseServer.ts'
import type { Settings } from './options.ts'
import { QueueFolder } from './queue/queueFolder.ts'
import { ReportQueue } from './queue/reportQueue.ts'
import {
  type ActivityInput,
  createActivityReport,
  createEndReport,
  createSubjectEndReport,
  type EndInput,
  type QueuedReport,
  type SubjectEndInput,
} from './reports.ts'
import { attempt } from './session/attempt.ts'
import { createTicketIssuer } from './session/createTicketIssuer.ts'
import { renderTag, type TagOptions } from './session/renderTag.ts'
import { createStoredSession, type Session, type StoredSession } from './session/session.ts'
import { maxTimerMs } from './timers.ts'

/** How often a queue that stays full is an error. */
const fullErrorIntervalMs = 60_000
const defaultCloseTimeoutMs = 5000
/** The part of the time for `close` that is left to the queue's folder, even if the collector does not answer. */
const folderShareOfClose = 0.2

/** Puts the parts together: activity → throttle → queue (and its folder) → sender. */
export class Reporter implements LapseServer {
  readonly #settings: Settings
  readonly #events = new Events()
  readonly #queue: ReportQueue
  readonly #folder: QueueFolder | undefined
  readonly #sender: Sender
  readonly #throttle: ActivityThrottle
  readonly #issueTicket: (session: Session) => string | undefined
  #isClosed = false
  #closed: Promise<void> | undefined
  #nextFullErrorAt = 0

  constructor(settings: Settings) {
    const { site, queue: folder, heartbeatSeconds, maxQueuedReports } = settings
    const submit = (report: QueuedReport) => this.#submit(report)
    this.#settings = settings
    this.#issueTicket = createTicketIssuer(settings)
    this.#queue = new ReportQueue(maxQueuedReports, (reports) => this.#drop('queue_full', reports))
    this.#sender = new Sender(settings, this.#queue, this.#events)
    this.#throttle = new ActivityThrottle({
      intervalMs: heartbeatSeconds * 1000,
      // So that what is held back fits into the queue when Lapse closes.
      maxSessions: maxQueuedReports,
      hasRoom: () => this.#queue.room > 0,
      submit,
    })
    if (folder === undefined) return
    const queue = this.#queue
    this.#folder = new QueueFolder({
      folder,
      site,
      events: this.#events,
      queue,
      maxReports: maxQueuedReports,
      submit,
    })
    this.#queue.connect(this.#folder)
  }

  createSession(subject: string | number): StoredSession {
    return createStoredSession(subject)
  }

  ticket(session: Session): string {
    const ticket = this.#issueTicket(session)
    if (ticket !== undefined) return ticket
    throw new LapseServerError(
      'invalid_option',
      'No ticket can be signed. Set ticketSecret or ticketKey in the options of createLapseServer.',
    )
  }

  tag(session: Session | null, options?: TagOptions): string {
    const tag = attempt(this, () => {
      const ticket = session === null ? undefined : this.#issueTicket(session)
      return renderTag(this.#settings, session && { ...session, ticket }, options)
    })
    return tag ?? ''
  }

  active(activity: ActivityInput): void {
    attempt(this, () => {
      const report = createActivityReport(activity, Date.now())
      const { session } = report.body
      const ticket = this.#issueOwnTicket(activity)
      this.#throttle.add(String(session), ticket === undefined ? report : addTicket(report, ticket))
    })
  }

  ended(end: EndInput): void {
    attempt(this, () => {
      const report = createEndReport(end, Date.now())
      const ticket = end.reason === undefined ? this.#issueOwnTicket(end) : undefined
      // What is held of the session goes first, so that the collector knows its last access.
      this.#throttle.release(String(report.body.session))
      this.#submit(ticket === undefined ? report : addTicket(report, ticket))
    })
  }

  endedAll(end: SubjectEndInput): void {
    attempt(this, () => {
      const report = createSubjectEndReport(end, Date.now())
      this.#throttle.releaseSubject(String(report.body.subject))
      this.#submit(report)
    })
  }

  on<Name extends keyof LapseServerEvents>(name: Name, listener: Listener<Name>): this {
    this.#events.on(name, listener)
    return this
  }

  off<Name extends keyof LapseServerEvents>(name: Name, listener: Listener<Name>): this {
    this.#events.off(name, listener)
    return this
  }

  reportError(error: unknown): void {
    const isOwn = error instanceof LapseServerError
    const message = error instanceof Error ? error.message : inspect(error)
    this.#events.emit('error', isOwn ? error : new LapseServerError('unexpected', message, { cause: error }))
  }

  health(): Health {
    const { reported, dropped, lastReportedAt } = this.#sender.counts
    const lastError = this.#sender.lastFailure ?? this.#folder?.lastError
    const status = lastError ? 'degraded' : 'ok'
    return { status, queued: this.#queue.size, reported, dropped, lastReportedAt, lastError }
  }

  close(options?: CloseOptions): Promise<void> {
    const timeoutMs = options?.timeoutMs ?? defaultCloseTimeoutMs
    this.#closed ??= this.#close(timeoutMs >= 0 ? Math.min(timeoutMs, maxTimerMs) : defaultCloseTimeoutMs)
    return this.#closed
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(timeoutMs: number): Promise<void> {
    const closesAt = performance.now() + timeoutMs
    // What it would take over from now on would be refused.
    this.#folder?.stopAdopting()
    this.#throttle.releaseAll()
    this.#isClosed = true
    const drainTimeoutMs = this.#folder ? timeoutMs * (1 - folderShareOfClose) : timeoutMs
    // With a folder, the next process sends what this one could not.
    await this.#sender.drain(drainTimeoutMs, { repeat: !this.#hasUsableFolder() })
    await this.#folder?.close(closesAt - performance.now())
    if (this.#hasUsableFolder()) return
    const unsent = [...this.#queue.list()]
    this.#queue.remove(unsent)
    if (unsent.length > 0)
      this.#drop(
        'closed',
        unsent.map(({ report }) => report),
      )
  }

  #hasUsableFolder(): boolean {
    return this.#folder !== undefined && this.#folder.lastError === undefined
  }

  /**
   * The ticket tells the collector the session's own limit. Without one, the site's limit would apply, and the session
   * could be recorded as idle while it is in use.
   */
  #issueOwnTicket({ subject, ...session }: ActivityInput): string | undefined {
    if (session.idleTimeoutSeconds === undefined) return undefined
    const ticket = subject === undefined ? undefined : this.#issueTicket({ ...session, subject })
    if (ticket !== undefined) return ticket
    throw new LapseServerError(
      'invalid_report',
      'idleTimeoutSeconds of a session requires a subject, and ticketSecret or ticketKey. Pass them, or leave it out.',
    )
  }

  #submit(report: QueuedReport): void {
    if (this.#isClosed) {
      this.#drop('closed', [report])
      return
    }
    this.#queue.add(report)
    if (report.kind === 'activity') this.#sender.wake()
    else this.#sender.wakeNow()
  }

  #drop(reason: 'queue_full' | 'closed', reports: readonly QueuedReport[]): void {
    const what =
      reason === 'closed'
        ? 'Lapse is closed.'
        : `More than ${this.#settings.maxQueuedReports} reports were waiting for the collector.`
    const error = new LapseServerError(reason, `${what} Reports dropped: ${reports.length}.`)
    this.#sender.counts.dropped += reports.length
    this.#events.emit('dropped', { reason, reports: reports.map(({ body }) => body), error })
    const now = performance.now()
    if (reason === 'queue_full' && now < this.#nextFullErrorAt) return
    this.#nextFullErrorAt = now + fullErrorIntervalMs
    this.#events.emit('error', error)
  }
}

function addTicket({ kind, body }: QueuedReport, ticket: string): QueuedReport {
  return { kind, body: { ...body, ticket } }
}
