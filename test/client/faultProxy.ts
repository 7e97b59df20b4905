import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { type ListeningServer, listen } from '../listen.ts'
import { forwardRequest } from './forwardRequest.ts'

/** What happens to a report on its way to the collector. */
type Fault =
  /** The connection is cut before the collector gets the report. */
  | 'cut before'
  /** The connection is cut after the collector has written the row, before it answers. */
  | 'cut after'
  /** The collector's answer is delayed. */
  | { readonly delayMs: number }
  /** The collector is overloaded. */
  | { readonly status: 503; readonly retryAfterSeconds: number }

/** A proxy in front of a real collector. Only reports fail, so that pages can still load the script. */
export interface FaultProxy extends ListeningServer {
  /** The arrival times of the reports, in epoch milliseconds. */
  readonly posts: readonly number[]
  /** Applies the fault to every report from now on. */
  fail(fault: Fault): void
  /** Forwards all reports again, and clears `posts`. */
  reset(): void
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
    const answer = await forwardRequest(collectorUrl, request, body)
    if (fault === 'cut after') return void request.socket.destroy()
    if (fault) await sleep(fault.delayMs)
    response.writeHead(answer.status, answer.headers).end(answer.body)
  }

  const server = createServer((request, response) => {
    // A failure behind the proxy cuts the connection in front of it.
    handle(request, response).catch(() => request.socket.destroy())
  })
  return {
    ...(await listen(server)),
    posts,
    fail(fault) {
      current = fault
    },
    reset() {
      current = undefined
      posts.length = 0
    },
  }
}
