import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { type ListeningServer, listen } from '../listen.ts'
import { forwardRequest } from './forwardRequest.ts'

/** A report that has reached the proxy. */
interface ForwardedReport {
  readonly path: string
  readonly subject: string
  /** The collector's status. Undefined while there is none. */
  status?: number
}

/** What the proxy does with the reports of one user. */
type Fault =
  /** It cuts their connections, as if the browser were offline. */
  | 'cut all'
  /** It cuts the connections of activity reports, as an extension does that blocks them. */
  | 'cut activity'
  /** It keeps activity reports until the fault is over. */
  | 'hold activity'

/** A proxy in front of a real collector. Each user has their own faults, so that tests can share it. */
export interface ReportProxy extends ListeningServer {
  /** Applies the fault to the reports of a user until the returned function is called. */
  fail(subject: string, fault: Fault): () => void
  /** Returns the activity reports of a user, in the order of their arrival. */
  readActivity(subject: string): readonly ForwardedReport[]
}

const activityPath = '/v1/activity'

/** @param forwardedPath the path at which the collector gets activity reports. */
export async function startReportProxy(
  collectorUrl: string,
  forwardedPath = activityPath,
): Promise<ReportProxy> {
  const reports: ForwardedReport[] = []
  const faults = new Map<string, { readonly fault: Fault; readonly ended: Promise<void> }>()

  function keepReport(path = '', body: Buffer): ForwardedReport {
    // Only the client of these tests posts here.
    const { subject } = JSON.parse(`${body}`) as { subject: string }
    const report = { path, subject }
    reports.push(report)
    return report
  }

  /** @returns whether the report may pass. */
  async function applyFault({ path, subject }: ForwardedReport): Promise<boolean> {
    const { fault, ended } = faults.get(subject) ?? {}
    if (fault === 'cut all') return false
    if (path !== activityPath) return true
    if (fault === 'hold activity') await ended
    return fault !== 'cut activity'
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request)
    const report = request.method === 'POST' ? keepReport(request.url, body) : undefined
    if (report && !(await applyFault(report))) return void request.socket.destroy()
    if (request.url === activityPath) request.url = forwardedPath
    const answer = await forwardRequest(collectorUrl, request, body)
    if (report) report.status = answer.status
    response.writeHead(answer.status, answer.headers).end(answer.body)
  }

  const server = createServer((request, response) => {
    handle(request, response).catch(() => request.socket.destroy())
  })
  return {
    ...(await listen(server)),
    fail(subject, fault) {
      const { promise: ended, resolve } = Promise.withResolvers<void>()
      faults.set(subject, { fault, ended })
      return () => {
        faults.delete(subject)
        resolve()
      }
    },
    readActivity: (user) => reports.filter(({ path, subject }) => path === activityPath && subject === user),
  }
}
