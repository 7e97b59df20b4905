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
 * How many unanswered requests a connection may have. Node dispatches all pipelined requests at once, so a single
 * connection could otherwise exhaust the memory. Browsers and proxies send one request at a time.
 */
const maxUnanswered = 16
/**
 * How long to keep reading after the last response. Closing immediately could reset the connection before it arrives.
 */
const lingerMs = 500

/** The state of one connection. */
interface Connection {
  unanswered: number
  latest?: { readonly request: IncomingMessage; readonly response: ServerResponse }
  /** Why the connection ends once the running requests are answered. */
  failure?: LapseError
  isEnding: boolean
}

export interface Connections {
  /**
   * Sends a problem and ends the connection, after the responses to earlier requests.
   *
   * @returns whether this is the connection's first failure. Anything that arrives after it fails as well.
   */
  fail(socket: Duplex, error: LapseError): boolean
}

/** Passes the server's requests to `handle`, and tracks the unanswered requests of each connection. */
export function trackConnections(server: Server, handle: RequestListener, log: Logger): Connections {
  const connections = new WeakMap<Duplex, Connection>()
  const getOrCreate = (socket: Duplex): Connection => {
    const connection = connections.get(socket) ?? { unanswered: 0, isEnding: false }
    connections.set(socket, connection)
    return connection
  }

  server.on('request', (request, response) => {
    const { socket } = request
    // This request arrived together with the one that exceeded the limit.
    if (socket.destroyed) return
    const connection = getOrCreate(socket)
    if (connection.unanswered === maxUnanswered) {
      log.info({ maxUnanswered }, 'closed a connection with too many unanswered requests')
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
      const connection = getOrCreate(socket)
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
  // The failure is either in the body of the latest request, or in data that did not become a request.
  const isInBody = latest?.request.complete === false
  const isAnswered = isInBody && latest?.response.headersSent
  if (unanswered > (isInBody && !isAnswered ? 1 : 0)) return
  connection.isEnding = true
  if (isAnswered) socket.end()
  else socket.end(formatResponse(failure))
  setTimeout(() => socket.destroy(), lingerMs)
}

function formatResponse(error: LapseError): string {
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
