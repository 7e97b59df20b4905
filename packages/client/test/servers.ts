import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>

async function listen(handler: Handler, port = 0): Promise<Server> {
  const server = createServer((request, response) => void handler(request, response))
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  return server
}

async function close(server: Server) {
  server.close()
  server.closeAllConnections()
  await once(server, 'close')
}

// A server that listens on a port has an AddressInfo.
const readUrl = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

const readFile = (path: string) => readFileSync(new URL(path, import.meta.url))

/** A report that the client has posted. */
interface ReceivedReport {
  readonly marker: string
  readonly detectedAt: number
  readonly lastAccessAt: number
  readonly detectedBy: string
  readonly [field: string]: unknown
}

/** An activity report that the client has posted. */
interface ReceivedActivity {
  readonly marker: string
  readonly startedAt: number
  readonly lastAccessAt: number
  readonly sentAt: number
  readonly heartbeatSeconds: number
  readonly [field: string]: unknown
}

/** An answer to one report instead of a row. */
export interface Fault {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: string
  readonly afterMs?: number
}

async function answerWithFault(response: ServerResponse, { status, headers, body, afterMs = 0 }: Fault) {
  await new Promise((done) => setTimeout(done, afterMs))
  response.writeHead(status, headers).end(body ?? '{"title":"no"}')
}

export type FakeCollector = Awaited<ReturnType<typeof startFakeCollector>>

/** Starts a collector that answers like the real one, and keeps the reports that it has received. */
export async function startFakeCollector() {
  const received: ReceivedReport[] = []
  const activities: ReceivedActivity[] = []
  const contentTypes: (string | undefined)[] = []
  const rows = new Map<string, number>()
  const faults: Fault[] = []
  let reason = 'idle_timeout'
  let activityFault: Fault | undefined

  const handler: Handler = async (request, response) => {
    response.setHeader('Access-Control-Allow-Origin', '*')
    response.setHeader('Access-Control-Expose-Headers', 'Retry-After')
    let text = ''
    for await (const chunk of request) text += chunk
    contentTypes.push(request.headers['content-type'])
    if (request.url === '/v1/activity') {
      activities.push(JSON.parse(text))
      if (activityFault) return answerWithFault(response, activityFault)
      response.writeHead(204).end()
      return
    }
    const report: ReceivedReport = JSON.parse(text)
    received.push(report)
    const fault = faults.shift()
    if (fault) return answerWithFault(response, fault)
    const duplicate = rows.has(report.marker)
    if (!duplicate) rows.set(report.marker, rows.size + 1)
    const verdict = {
      id: rows.get(report.marker),
      reason,
      elapsedMs: report.detectedAt - report.lastAccessAt,
      idleTimeoutSeconds: 1800,
      duplicate,
    }
    response
      .writeHead(duplicate ? 200 : 201, { 'Content-Type': 'application/json' })
      .end(JSON.stringify(verdict))
  }

  let server = await listen(handler)
  const url = readUrl(server)
  return {
    url,
    received,
    /** The activity reports that it has received. */
    activities,
    contentTypes,
    /** Returns the markers that have a row. */
    rows: () => [...rows.keys()],
    /** Answers the next reports with these faults. */
    fail: (...next: Fault[]) => void faults.push(...next),
    /** Answers all activity reports with this fault, or with 204. */
    failActivity: (fault?: Fault) => {
      activityFault = fault
    },
    /** Sets the reason of the next verdicts. */
    judge: (nextReason: string) => {
      reason = nextReason
    },
    stop: () => close(server),
    start: async () => {
      server = await listen(handler, Number(new URL(url).port))
    },
  }
}

export type Site = Awaited<ReturnType<typeof startSite>>

/**
 * Starts the audited application: pages by their path, and an API that answers `/api/STATUS` with that status, and with
 * the query parameters `type` and `body`.
 */
export async function startSite() {
  const pages = new Map<string, { html: string; headers?: Record<string, string> }>()
  const files: Record<string, Buffer> = {
    '/lapse.js': readFile('../dist/lapse.js'),
    '/index.js': readFile('../dist/index.js'),
    '/js-cookie.js': readFile('../node_modules/js-cookie/dist/js.cookie.mjs'),
  }
  const server = await listen((request, response) => {
    const { pathname: path, searchParams } = new URL(`${request.url}`, 'http://site')
    const page = pages.get(path)
    const status = /^\/api\/(\d+)/.exec(path)?.[1]
    if (page) response.writeHead(200, { 'Content-Type': 'text/html', ...page.headers }).end(page.html)
    else if (files[path]) response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(files[path])
    else if (path === '/api/redirect') response.writeHead(302, { Location: '/api/200' }).end()
    else if (path === '/image.png') response.writeHead(200, { 'Content-Type': 'image/png' }).end('image')
    else
      response
        .writeHead(Number(status ?? 404), { 'Content-Type': searchParams.get('type') ?? 'application/json' })
        .end(status === '204' ? undefined : (searchParams.get('body') ?? '{"user":42}'))
  })
  return { url: readUrl(server), pages, stop: () => close(server) }
}
