import { STATUS_CODES } from 'node:http'
import type { Duplex } from 'node:stream'
import type { Logger } from 'pino'
import { type ErrorCode, LapseError, problemOf } from '../lapse/error.ts'

/** Answers what never became a request, and ends its connection. For `clientError` of Node's HTTP server. */
export function answerMalformed(log: Logger) {
  return (error: NodeJS.ErrnoException, socket: Duplex): void => {
    const [code, message] = meanings[error.code ?? ''] ?? other
    log.info({ problem: code, cause: error.code }, 'malformed request')
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    const problem = problemOf(new LapseError(code, message))
    const body = JSON.stringify(problem)
    const head = [
      `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status]}`,
      'Connection: close',
      'Content-Type: application/problem+json',
      `Content-Length: ${Buffer.byteLength(body)}`,
    ]
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
  }
}

type Meaning = readonly [code: ErrorCode, message: string]

const other: Meaning = ['bad-request', 'Send a request that is well-formed HTTP/1.1.']
const meanings: Readonly<Record<string, Meaning>> = {
  ERR_HTTP_REQUEST_TIMEOUT: ['request-timeout', 'Send the headers within 5 seconds, the whole within 10.'],
  HPE_HEADER_OVERFLOW: ['headers-too-large', 'Send at most 16 KiB of headers.'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: ['body-too-large', 'Send chunks without extensions.'],
}
