import { once } from 'node:events'
import { createServer, request as forwardedBy, type IncomingMessage, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

/** What happens to an event on its way. */
type Fault =
  /** The connection is cut before the collector has heard of it. */
  | 'cut before'
  /** The collector has written its row, and the connection is cut before the answer. */
  | 'cut after'
  /** The collector's answer is a long time on its way. */
  | { readonly delayMs: number }
  /** An overloaded collector. */
  | { readonly status: 503; readonly retryAfterSeconds: number }

/** Stands in front of the true collector, and fails for events alone: the script comes through. */
export interface FaultProxy {
  readonly url: string
  /** When events came, epoch milliseconds. */
  readonly posts: readonly number[]
  /** Does this to each event from now on. */
  fail(fault: Fault): void
  /** Lets all events through, and forgets those that came. */
  mend(): void
  close(): Promise<void>
}

export async function startFaultProxy(collectorUrl: string): Promise<FaultProxy> {
  const posts: number[] = []
  let current: Fault | undefined

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(request)
    const fault = request.method === 'POST' ? current : undefined
    if (request.method === 'POST') posts.push(Date.now())
    if (fault === 'cut before') return void request.socket.destroy()
    if (typeof fault === 'object' && 'status' in fault) {
      response.writeHead(fault.status, {
        'Access-Control-Allow-Origin': '*',
        'Access-Control-Expose-Headers': 'Retry-After',
        'Retry-After': fault.retryAfterSeconds,
      })
      return void response.end()
    }
    const forwarded = forwardedBy(collectorUrl + request.url, {
      method: request.method,
      headers: request.headers,
      agent: false,
    })
    forwarded.end(body)
    const [answer] = (await once(forwarded, 'response')) as [IncomingMessage]
    const answered = await buffer(answer)
    if (fault === 'cut after') return void request.socket.destroy()
    if (fault) await sleep(fault.delayMs)
    response.writeHead(answer.statusCode ?? 502, answer.headers).end(answered)
  }

  const server = createServer((request, response) => {
    // Whatever fails behind the proxy, in front of it a connection is cut.
    handle(request, response).catch(() => request.socket.destroy())
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || !address)
    throw new Error('A server on a port has an address of its own.')
  return {
    url: `http://127.0.0.1:${address.port}`,
    posts,
    fail(fault) {
      current = fault
    },
    mend() {
      current = undefined
      posts.length = 0
    },
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
