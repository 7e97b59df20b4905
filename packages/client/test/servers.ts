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

const address = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`

const file = (path: string) => readFileSync(new URL(path, import.meta.url))

/** What a client has posted. */
interface Received {
  readonly marker: string
  readonly detectedAt: number
  readonly lastAccessAt: number
  readonly detectedBy: string
  readonly [field: string]: unknown
}

/** What the collector says to one event instead of writing a row. */
export interface Fault {
  readonly status: number
  readonly headers?: Record<string, string>
  readonly body?: string
  readonly afterMs?: number
}

export type Collector = Awaited<ReturnType<typeof startCollector>>

/** A collector that answers as the true one does, and remembers what it was sent. */
export async function startCollector() {
  const received: Received[] = []
  const contentTypes: (string | undefined)[] = []
  const rows = new Map<string, number>()
  const faults: Fault[] = []
  let reason = 'idle_timeout'

  const handler: Handler = async (request, response) => {
    response.setHeader('Access-Control-Allow-Origin', '*')
    response.setHeader('Access-Control-Expose-Headers', 'Retry-After')
    let text = ''
    for await (const chunk of request) text += chunk
    const event: Received = JSON.parse(text)
    received.push(event)
    contentTypes.push(request.headers['content-type'])
    const fault = faults.shift()
    if (fault) {
      await new Promise((done) => setTimeout(done, fault.afterMs ?? 0))
      response.writeHead(fault.status, fault.headers).end(fault.body ?? '{"title":"no"}')
      return
    }
    const duplicate = rows.has(event.marker)
    if (!duplicate) rows.set(event.marker, rows.size + 1)
    const verdict = {
      id: rows.get(event.marker),
      reason,
      elapsedMs: event.detectedAt - event.lastAccessAt,
      idleTimeoutSeconds: 1800,
      duplicate,
    }
    response
      .writeHead(duplicate ? 200 : 201, { 'Content-Type': 'application/json' })
      .end(JSON.stringify(verdict))
  }

  let server = await listen(handler)
  const url = address(server)
  return {
    url,
    received,
    contentTypes,
    /** The markers that have a row. */
    rows: () => [...rows.keys()],
    /** Answers the next events with these. */
    fail: (...next: Fault[]) => void faults.push(...next),
    judge: (verdict: string) => {
      reason = verdict
    },
    stop: () => close(server),
    start: async () => {
      server = await listen(handler, Number(new URL(url).port))
    },
  }
}

export type Site = Awaited<ReturnType<typeof startSite>>

/** The audited application: pages by their path, and an API that answers `/api/STATUS` with that status. */
export async function startSite() {
  const pages = new Map<string, { html: string; headers?: Record<string, string> }>()
  const files: Record<string, Buffer> = {
    '/lapse.js': file('../dist/lapse.js'),
    '/index.js': file('../dist/index.js'),
    '/js-cookie.js': file('../node_modules/js-cookie/dist/js.cookie.mjs'),
  }
  const server = await listen((request, response) => {
    const path = new URL(`${request.url}`, 'http://site').pathname
    const page = pages.get(path)
    const status = /^\/api\/(\d+)/.exec(path)?.[1]
    if (page) response.writeHead(200, { 'Content-Type': 'text/html', ...page.headers }).end(page.html)
    else if (files[path]) response.writeHead(200, { 'Content-Type': 'text/javascript' }).end(files[path])
    else if (path === '/api/redirect') response.writeHead(302, { Location: '/api/200' }).end()
    else if (path === '/image.png') response.writeHead(200, { 'Content-Type': 'image/png' }).end('image')
    else response.writeHead(Number(status ?? 404), { 'Content-Type': 'application/json' }).end('{}')
  })
  return { url: address(server), pages, stop: () => close(server) }
}
