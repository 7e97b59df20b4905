import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { forwardRequest } from '../../../test/client/forwardRequest.ts'
import { type ListeningServer, listen } from '../../../test/listen.ts'

type Report = Readonly<Record<string, unknown>>

/** A request that has reached the proxy. */
interface RecordedRequest {
  readonly path: string
  readonly at: number
  readonly reports: readonly Report[]
}

/** What happens to a request on its way to the collector. */
type Fault =
  /** The connection is cut before the collector gets the request. */
  | 'cut before'
  /** The connection is cut after the collector has committed the reports. */
  | 'cut after'
  /** Nobody answers. */
  | 'hang'
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }

/** A proxy in front of a real collector that records requests, and makes faults that the collector would not make. */
export interface RecordingProxy extends ListeningServer {
  readonly requests: readonly RecordedRequest[]
  /** The reports of all requests to a path. */
  readReports(path: string): readonly Report[]
  /** @param choose returns the fault of a request, or undefined to forward it. */
  fail(choose: ((request: RecordedRequest) => Fault | undefined) | undefined): void
  /** Forgets the requests. */
  clear(): void
}

export async function startRecordingProxy(collectorUrl: string): Promise<RecordingProxy> {
  const requests: RecordedRequest[] = []
  let chooseFault: ((request: RecordedRequest) => Fault | undefined) | undefined

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request)
    const parsed: Report | Report[] = JSON.parse(`${body}`)
    const recorded = {
      path: request.url ?? '',
      at: Date.now(),
      reports: Array.isArray(parsed) ? parsed : [parsed],
    }
    requests.push(recorded)
    const fault = chooseFault?.(recorded)
    if (fault === 'hang') return
    if (fault === 'cut before') return void request.socket.destroy()
    if (typeof fault === 'object') {
      response.writeHead(fault.status, fault.headers).end(fault.body)
      return
    }
    const answer = await forwardRequest(collectorUrl, request, body)
    if (fault === 'cut after') request.socket.destroy()
    else response.writeHead(answer.status, answer.headers).end(answer.body)
  }

  const server = createServer((request, response) => {
    handle(request, response).catch(() => request.socket.destroy())
  })
  return {
    ...(await listen(server)),
    requests,
    readReports: (path) =>
      requests.filter((request) => request.path === path).flatMap(({ reports }) => reports),
    fail(choose) {
      chooseFault = choose
    },
    clear() {
      requests.length = 0
    },
  }
}
