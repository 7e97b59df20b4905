import { ActivityThrottle } from './activity/activityThrottle.ts'
import { Sender } from './delivery/sender.ts'
import { LapseServerError } from './errors.ts'
import { Events } from './events.ts'
import type { LapseServer } from './lapseServer.ts'
import { checkOptions, type LapseServerOptions } from './options.ts'
import { QueueFolder } from './queue/queueFolder.ts'
import { ReportQueue } from './queue/reportQueue.ts'
import { type ActivityInput, createActivityReport, createEndReport, type QueuedReport } from './reports.ts'
import { createTicketIssuer } from './session/createTicketIssuer.ts'
import { renderTag } from './session/renderTag.ts'
import { createStoredSession } from './session/session.ts'

/** Beyond this number of sessions in one interval, some are reported more often. */
const maxTrackedSessions = 100_000
const defaultCloseTimeoutMs = 5000

/**
 * Creates the reporter of one site. Create one per process, and close it when the process stops.
 *
 * @throws {LapseServerError} `invalid_option`
 *
 * @example
 * ```ts
 * import { createLapseServer } from '@lapse/server'
 *
 * const lapse = createLapseServer({
 *   site: 'acme',
 *   collector: 'https://lapse.acme.com',
 *   token: process.env.LAPSE_TOKEN,
 *   ticketSecret: process.env.LAPSE_TICKET_SECRET,
 *   idleTimeoutSeconds: 1800,
 * })
 * ```
 */
export function createLapseServer(options: LapseServerOptions): LapseServer {
  const settings = checkOptions(options)
  const events = new Events()
  const queue = new ReportQueue(settings.maxQueuedReports, (reports) => drop('queue_full', reports))
  const sender = new Sender(settings, queue, events)
  const throttle = new ActivityThrottle({
    intervalMs: settings.heartbeatSeconds * 1000,
    maxSessions: maxTrackedSessions,
    submit: (report) => submit(report),
  })
  const issueTicket = createTicketIssuer(settings)
  let isClosed = false

  function submit(report: QueuedReport): void {
    if (isClosed) {
      drop('closed', [report])
      return
    }
    queue.add(report)
    if (report.kind === 'activity') sender.wake()
    else sender.wakeNow()
  }

  function drop(reason: 'queue_full' | 'closed', reports: readonly QueuedReport[]): void {
    const error = new LapseServerError(
      reason,
      describeDrop(reason, reports.length, settings.maxQueuedReports),
    )
    sender.counts.dropped += reports.length
    events.emit('dropped', { reason, reports: reports.map(({ body }) => body), error })
    events.emit('error', error)
  }

  function reportError(error: unknown): void {
    const known = error instanceof LapseServerError
    events.emit('error', known ? error : new LapseServerError('unexpected', String(error), { cause: error }))
  }

  function attempt<Result>(action: () => Result, fallback: Result): Result {
    try {
      return action()
    } catch (error) {
      reportError(error)
      return fallback
    }
  }

  const folder =
    settings.queue === undefined
      ? undefined
      : new QueueFolder({ folder: settings.queue, site: settings.site, events, submit }, () => queue.list())
  if (folder) queue.connect(folder)

  const lapse: LapseServer = {
    createSession: createStoredSession,
    ticket(session) {
      const ticket = issueTicket(session)
      if (ticket !== undefined) return ticket
      throw new LapseServerError(
        'invalid_option',
        'ticketSecret is not set, so no ticket can be signed. Set it.',
      )
    },
    tag(session, tagOptions) {
      const render = () =>
        renderTag(settings, session && { ...session, ticket: issueTicket(session) }, tagOptions)
      return attempt(render, '')
    },
    active(activity) {
      attempt(() => {
        const report = createActivityReport(activity, issueOwnTicket(activity), Date.now())
        throttle.add(String(report.body.session), report)
      }, undefined)
    },
    ended(end) {
      attempt(() => {
        const report = createEndReport(end, Date.now())
        if (report.kind === 'end') throttle.release(String(report.body.session))
        else throttle.releaseAll()
        submit(report)
      }, undefined)
    },
    on(name, listener) {
      events.on(name, listener)
      return lapse
    },
    off(name, listener) {
      events.off(name, listener)
      return lapse
    },
    reportError,
    health() {
      const { reported, dropped, lastReportedAt } = sender.counts
      const lastError = sender.lastFailure ?? folder?.lastError
      return {
        status: lastError ? 'degraded' : 'ok',
        queued: queue.size,
        reported,
        dropped,
        lastReportedAt,
        lastError,
      }
    },
    async close({ timeoutMs = defaultCloseTimeoutMs } = {}) {
      if (isClosed) return
      throttle.releaseAll()
      isClosed = true
      await sender.drain(timeoutMs, { repeat: !folder })
      await folder?.close()
      if (!folder && queue.size > 0)
        drop(
          'closed',
          queue.take(queue.size).map(({ report }) => report),
        )
    },
    [Symbol.asyncDispose]: () => lapse.close(),
  }

  /** The ticket tells the collector the session's own limit. Without one, the site's limit applies. */
  function issueOwnTicket(activity: ActivityInput): string | undefined {
    const { subject, idleTimeoutSeconds } = activity
    if (idleTimeoutSeconds === undefined || subject === undefined) return undefined
    return issueTicket({ ...activity, subject })
  }

  return lapse
}

function describeDrop(reason: 'queue_full' | 'closed', count: number, maxQueuedReports: number): string {
  return reason === 'queue_full'
    ? `More than ${maxQueuedReports} reports were waiting for the collector. Dropped the oldest: ${count}.`
    : `Lapse is closed. Reports dropped: ${count}.`
}
