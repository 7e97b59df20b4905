import { Readable } from 'node:stream'
import type { Context, Middleware } from '../context.ts'

/** How long a client may stop reading a response. Node detects the stop after one to two times this duration. */
const stallMs = 12_000
/** How long a client may take for one chunk: 500 rows of an export, or any other response as a whole. */
const chunkMs = 60_000

/** Disconnects clients that stop reading a response, or that would take hours to read it. */
export const disconnectSlowReaders: Middleware = async (ctx, next) => {
  // The response to a report fits into the socket's buffer, whether or not the client reads it.
  if (ctx.method === 'POST') return next()
  const { req, res } = ctx
  res.setTimeout(stallMs, () => {
    // If nothing is waiting to be sent, the client is waiting for the collector.
    if (req.socket.writableLength > 0) disconnect(ctx, 'disconnected a client that stopped reading')
  })
  const deadline = createDeadline(ctx)
  res.once('close', deadline.stop)
  await next()
  if (ctx.body instanceof Readable) ctx.body = Readable.from(withDeadlines(ctx.body, deadline))
  else deadline.start()
}

/** Resets the connection, so that no client and no proxy can mistake a partial response for a complete one. */
export function disconnect(ctx: Context, message: string): void {
  // If the connection of a pipelined request has ended, its response is never closed.
  if (ctx.req.socket.destroyed) return
  const { requestId, log } = ctx.state
  log.warn({ requestId }, message)
  // In HTTP/1.0, which some proxies use, a normal close marks the end of the response.
  ctx.req.socket.resetAndDestroy()
}

interface Deadline {
  start(): void
  stop(): void
}

function createDeadline(ctx: Context): Deadline {
  let timer: NodeJS.Timeout | undefined
  return {
    start() {
      if (ctx.res.closed) return
      timer = setTimeout(() => disconnect(ctx, 'disconnected a client that reads too slowly'), chunkMs)
    },
    stop: () => clearTimeout(timer),
  }
}

/** Passes chunks on, and limits the time that the client takes for each. */
async function* withDeadlines(stream: Readable, deadline: Deadline): AsyncGenerator<unknown> {
  for await (const chunk of stream) {
    deadline.start()
    yield chunk
    deadline.stop()
  }
  // The last chunks are still in buffers.
  deadline.start()
}
