import { type IncomingMessage, maxHeaderSize } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Logger } from 'pino'
import { type ErrorCode, LapseError } from '../domain/errors.ts'
import type { Connections } from './connections.ts'

/** How long a request may take to arrive. */
export const headersTimeoutMs = 5_000
export const requestTimeoutMs = 10_000

/** Answers a malformed request and ends its connection. Handles `clientError` of Node's HTTP server. */
export function answerMalformedRequest(log: Logger, connections: Connections) {
  return (error: NodeJS.ErrnoException, socket: Duplex): void => {
    const [code, message] = problemsByCause[error.code ?? ''] ?? otherProblem
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    if (connections.fail(socket, new LapseError(code, message)))
      log.info({ problem: code, cause: error.code }, 'malformed request')
  }
}

/** Refuses CONNECT requests, which Node does not treat as HTTP. Handles `connect` of Node's HTTP server. */
export function refuseTunnel(connections: Connections) {
  return (_request: IncomingMessage, socket: Duplex): void => {
    // Node no longer handles errors of these sockets.
    socket.on('error', () => socket.destroy())
    connections.fail(socket, new LapseError('method-not-allowed', 'The collector is not a proxy.'))
  }
}

type Problem = readonly [code: ErrorCode, message: string]

const otherProblem: Problem = ['bad-request', 'The request is not valid HTTP/1.1.']
/** By the error codes of Node and its parser. */
const problemsByCause: Readonly<Record<string, Problem>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [
    'request-timeout',
    `Send the headers within ${headersTimeoutMs / 1000} seconds, and the whole request within ${requestTimeoutMs / 1000} seconds.`,
  ],
  HPE_HEADER_OVERFLOW: ['headers-too-large', `The headers must not exceed ${maxHeaderSize / 1024} KiB.`],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['body-too-large', 'Send chunks without extensions.'],
}
