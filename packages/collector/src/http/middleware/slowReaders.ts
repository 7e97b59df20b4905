import { Readable } from 'node:stream'
import type { Context, Middleware } from '../context.ts'

/** How long a client may take nothing at all of an answer. Node notices it after once to twice this time. */
const stallMs = 12_000
/** How long a client may take over one piece: 500 rows of an export, or the whole of any other answer. */
const pieceMs = 60_000

/** Cuts off clients that stop reading their answer, or read it so slowly that they would hold it for hours. */
export const cutSlowReaders: Middleware = async (ctx, next) => {
  // The answer to a report fits into the buffer of the socket, whether or not anybody reads it.
  if (ctx.method === 'POST') return next()
  const { req, res } = ctx
  res.setTimeout(stallMs, () => {
    // With nothing to send, it is the collector that takes its time.
    if (req.socket.writableLength > 0) cutOff(ctx, 'cut off a client that stopped reading')
  })
  const deadline = pieceDeadline(ctx)
  res.once('close', deadline.stop)
  await next()
  if (ctx.body instanceof Readable) ctx.body = Readable.from(withDeadlines(ctx.body, deadline))
  else deadline.start()
}

/** Ends the connection so that no client, and no proxy in between, can take what it has for the whole answer. */
export function cutOff(ctx: Context, why: string): void {
  // The answer to a pipelined request whose connection has ended is never closed.
  if (ctx.req.socket.destroyed) return
  const { requestId, log } = ctx.state
  log.warn({ requestId }, why)
  // A plain end would look like the end of the answer to HTTP/1.0, which proxies speak.
  ctx.req.socket.resetAndDestroy()
}

interface Deadline {
  start(): void
  stop(): void
}

function pieceDeadline(ctx: Context): Deadline {
  let timer: NodeJS.Timeout | undefined
  return {
    start() {
      if (ctx.res.closed) return
      timer = setTimeout(() => cutOff(ctx, 'cut off a client that reads too slowly'), pieceMs)
    },
    stop: () => clearTimeout(timer),
  }
}

/** Passes on what a stream has, and counts only the time that the client takes over it. */
async function* withDeadlines(stream: Readable, deadline: Deadline): AsyncGenerator<unknown> {
  for await (const piece of stream) {
    deadline.start()
    yield piece
    deadline.stop()
  }
  // The last pieces still wait in buffers.
  deadline.start()
}
