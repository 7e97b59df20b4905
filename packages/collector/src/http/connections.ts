import {
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
  STATUS_CODES,
} from 'node:http'
import type { Duplex } from 'node:stream'
import type { Logger } from 'pino'
import { type LapseError, toProblem } from '../domain/errors.ts'

/**
 * How many requests one connection may have open. Node dispatches every pipelined request at once, so without a limit a
 * single connection could fill the memory. Browsers and proxies send one request at a time.
 */
const maxUnanswered = 16
/** How long to go on reading after the last answer. Closing at once could reset the connection before it arrives. */
const lingerMs = 500

/** What happens on one connection. */
interface Connection {
  unanswered: number
  latest?: { readonly request: IncomingMessage; readonly response: ServerResponse }
  /** Why the connection ends after the answers that are under way. */
  failure?: LapseError
  isEnding: boolean
}

export interface Connections {
  /**
   * Ends a connection with a problem, after the answers to the requests before it. Says whether this is the first
   * failure of the connection: whatever else arrives on it fails again.
   */
  fail(socket: Duplex, error: LapseError): boolean
}

/** Passes the server's requests on to `handle`, and keeps track of which ones each connection still has open. */
export function trackConnections(server: Server, handle: RequestListener, log: Logger): Connections {
  const connections = new WeakMap<Duplex, Connection>()
  const find = (socket: Duplex): Connection => {
    const connection = connections.get(socket) ?? { unanswered: 0, isEnding: false }
    connections.set(socket, connection)
    return connection
  }

  server.on('request', (request, response) => {
    const { socket } = request
    // The rest of what arrived together with the request that was one too many.
    if (socket.destroyed) return
    const connection = find(socket)
    if (connection.unanswered === maxUnanswered) {
      log.info({ maxUnanswered }, 'closed a connection that sent too many requests without awaiting answers')
      socket.destroy()
      return
    }
    connection.unanswered += 1
    connection.latest = { request, response }
    response.once('close', () => {
      connection.unanswered -= 1
      endIfAnswered(socket, connection)
    })
    handle(request, response)
  })

  return {
    fail(socket, error) {
      const connection = find(socket)
      if (connection.failure) return false
      connection.failure = error
      endIfAnswered(socket, connection)
      return true
    },
  }
}

function endIfAnswered(socket: Duplex, connection: Connection): void {
  const { failure, latest, unanswered } = connection
  if (!failure || connection.isEnding || socket.destroyed) return
  // The failure concerns the request whose body is still on its way; otherwise something that never became a request.
  const isInBody = latest?.request.complete === false
  const isAnswered = isInBody && latest?.response.headersSent
  if (unanswered > (isInBody && !isAnswered ? 1 : 0)) return
  connection.isEnding = true
  if (isAnswered) socket.end()
  else socket.end(formatAnswer(failure))
  setTimeout(() => socket.destroy(), lingerMs)
}

function formatAnswer(error: LapseError): string {
  const problem = toProblem(error)
  const body = JSON.stringify(problem)
  const head = [
    `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
    'Connection: close',
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ]
  return `${head.join('\r\n')}\r\n\r\n${body}`
}
