import { ActivityThrottle } from './activity/activityThrottle.ts'
import { Sender } from './delivery/sender.ts'
import { LapseServerError } from './errors.ts'
import { Events, type LapseServerEvents } from './events.ts'
import type { CloseOptions, Health, LapseServer } from './lapseServer.ts'
import type { Settings } from './options.ts'
import { QueueFolder } from './queue/queueFolder.ts'
import { ReportQueue } from './queue/reportQueue.ts'
import {
  type ActivityInput,
  createActivityReport,
  createEndReport,
  type EndInput,
  type QueuedReport,
  type SubjectEndInput,
} from './reports.ts'
import { createTicketIssuer } from './session/createTicketIssuer.ts'
import { renderTag, type TagOptions } from './session/renderTag.ts'
import { createStoredSession, type Session, type StoredSession } from './session/session.ts'

/** Beyond this number of sessions in one interval, some are reported more often. */
const maxTrackedSessions = 100_000
const defaultCloseTimeoutMs = 5000
/** The part of the time for `close` that is left to the queue's folder, even if the collector does not answer. */
const folderShareOfClose = 0.2

type Listener<Name extends keyof LapseServerEvents> = (...args: LapseServerEvents[Name]) => void

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

  constructor(settings: Settings) {
    const { site, queue: folder, heartbeatSeconds, maxQueuedReports } = settings
    const submit = (report: QueuedReport) => this.#submit(report)
    this.#settings = settings
    this.#issueTicket = createTicketIssuer(settings)
    this.#queue = new ReportQueue(maxQueuedReports, (reports) => this.#drop('queue_full', reports))
    this.#sender = new Sender(settings, this.#queue, this.#events)
    this.#throttle = new ActivityThrottle({
      intervalMs: heartbeatSeconds * 1000,
      maxSessions: maxTrackedSessions,
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
    try {
      return renderTag(this.#settings, session && { ...session, ticket: this.#issueTicket(session) }, options)
    } catch (error) {
      this.reportError(error)
      return ''
    }
  }

  active(activity: ActivityInput): void {
    try {
      const report = createActivityReport(activity, this.#issueOwnTicket(activity), Date.now())
      this.#throttle.add(String(report.body.session), report)
    } catch (error) {
      this.reportError(error)
    }
  }

  ended(end: EndInput | SubjectEndInput): void {
    try {
      const report = createEndReport(end, Date.now())
      // What is held of the session goes first, so that the collector knows its last access.
      if (report.kind === 'end') this.#throttle.release(String(report.body.session))
      else this.#throttle.releaseSubject(String(report.body.subject))
      this.#submit(report)
    } catch (error) {
      this.reportError(error)
    }
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
    this.#events.emit(
      'error',
      isOwn ? error : new LapseServerError('unexpected', String(error), { cause: error }),
    )
  }

  health(): Health {
    const { reported, dropped, lastReportedAt } = this.#sender.counts
    const lastError = this.#sender.lastFailure ?? this.#folder?.lastError
    const status = lastError ? 'degraded' : 'ok'
    return { status, queued: this.#queue.size, reported, dropped, lastReportedAt, lastError }
  }

  close({ timeoutMs = defaultCloseTimeoutMs }: CloseOptions = {}): Promise<void> {
    this.#closed ??= this.#close(timeoutMs)
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
    const unsent = this.#queue.take(this.#queue.size).map(({ report }) => report)
    if (!this.#hasUsableFolder() && unsent.length > 0) this.#drop('closed', unsent)
  }

  #hasUsableFolder(): boolean {
    return this.#folder !== undefined && this.#folder.lastError === undefined
  }

  /** The ticket tells the collector the session's own limit. Without one, the site's limit applies. */
  #issueOwnTicket(activity: ActivityInput): string | undefined {
    const { subject, idleTimeoutSeconds } = activity
    if (idleTimeoutSeconds === undefined || subject === undefined) return undefined
    return this.#issueTicket({ ...activity, subject })
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
    this.#events.emit('error', error)
  }
}
