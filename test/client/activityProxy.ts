import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { buffer, json } from 'node:stream/consumers'
import { type ListeningServer, listen } from '../listen.ts'
import { forwardRequest } from './forwardRequest.ts'

/** An activity report, as the collector receives it. */
interface ActivityReport {
  readonly marker: string
  readonly session?: string
  readonly subject?: string
  readonly startedAt: number
  readonly lastAccessAt: number
  readonly sentAt: number
  readonly heartbeatSeconds: number
}

/** A proxy in front of a real collector. It answers activity reports itself. */
export interface ActivityProxy extends ListeningServer {
  /** Returns the reports of a user, in the order of their arrival. */
  readReports(subject: string): readonly ActivityReport[]
  /** Answers all reports with this status from now on. The status at the start is 204. */
  answerWith(status: number): void
}

export async function startActivityProxy(collectorUrl: string): Promise<ActivityProxy> {
  const reports: ActivityReport[] = []
  let status = 204

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (request.method === 'POST' && request.url === '/v1/activity') {
      // Only the client of these tests posts here.
      reports.push((await json(request)) as ActivityReport)
      response.writeHead(status, { 'Access-Control-Allow-Origin': '*' }).end()
      return
    }
    const answer = await forwardRequest(collectorUrl, request, await buffer(request))
    response.writeHead(answer.status, answer.headers).end(answer.body)
  }

  const server = createServer((request, response) => {
    handle(request, response).catch(() => request.socket.destroy())
  })
  return {
    ...(await listen(server)),
    readReports: (user) => reports.filter(({ subject }) => subject === user),
    answerWith(next) {
      status = next
    },
  }
}
