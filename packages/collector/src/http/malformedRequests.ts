import type { IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Logger } from 'pino'
import { type ErrorCode, LapseError } from '../domain/errors.ts'
import type { Connections } from './connections.ts'

/** Answers what cannot be understood, and ends its connection. For `clientError` of Node's HTTP server. */
export function answerMalformed(log: Logger, connections: Connections) {
  return (error: NodeJS.ErrnoException, socket: Duplex): void => {
    const [code, message] = meanings[error.code ?? ''] ?? other
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    if (connections.fail(socket, new LapseError(code, message)))
      log.info({ problem: code, cause: error.code }, 'malformed request')
  }
}

/** Answers CONNECT, which Node takes out of HTTP. For `connect` of Node's HTTP server. */
export function refuseTunnel(connections: Connections) {
  return (_request: IncomingMessage, socket: Duplex): void => {
    // Node handles the errors of sockets only while they speak HTTP.
    socket.on('error', () => socket.destroy())
    connections.fail(socket, new LapseError('method-not-allowed', 'The collector is no proxy.'))
  }
}

type Meaning = readonly [code: ErrorCode, message: string]

const other: Meaning = ['bad-request', 'Send a request that is well-formed HTTP/1.1.']
const meanings: Readonly<Record<string, Meaning>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['request-timeout', 'Send the headers within 5 seconds, the whole within 10.'],
  HPE_HEADER_OVERFLOW: ['headers-too-large', 'Send at most 16 KiB of headers.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['body-too-large', 'Send chunks without extensions.'],
}
