import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type TLSSocket, type TlsOptions } from 'node:tls'
import type { CertificateAuthority } from '../../../../test/certificates.ts'

/** A receiver of syslog over TLS. It notes what it receives, and closes a connection when the sender has. */
export interface SyslogReceiver {
  readonly port: number
  /** What each connection has received, to its end. */
  readonly received: string[]
  /** The name by which the sender of each connection called the receiver (SNI), or false. */
  readonly serverNames: TLSSocket['servername'][]
  /** Replaces what is done with a connection. */
  onConnection(handle: ((socket: TLSSocket) => void) | undefined): void
  close(): Promise<void>
}

export async function startSyslogReceiver(
  authority: CertificateAuthority,
  options: TlsOptions = {},
  names = 'DNS:localhost',
): Promise<SyslogReceiver> {
  const { certPath, keyPath } = authority.issue('receiver', names)
  const received: string[] = []
  const serverNames: TLSSocket['servername'][] = []
  const sockets = new Set<TLSSocket>()
  let handle: ((socket: TLSSocket) => void) | undefined
  const server = createServer(
    { cert: readFileSync(certPath), key: readFileSync(keyPath), ...options },
    (socket) => {
      sockets.add(socket)
      serverNames.push(socket.servername)
      socket.on('error', () => {}).on('close', () => sockets.delete(socket))
      if (handle) return handle(socket)
      let text = ''
      socket.setEncoding('utf8')
      socket.on('data', (chunk) => {
        text += chunk
      })
      socket.on('end', () => received.push(text))
    },
  ).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('The receiver does not listen on a port.')
  return {
    port: address.port,
    received,
    serverNames,
    onConnection(next) {
      handle = next
    },
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

interface SyslogMessage {
  readonly priority: number
  readonly timestamp: string
  readonly hostName: string
  readonly appName: string
  readonly processId: string
  readonly messageId: string
  readonly text: string
}

/** Parses frames (RFC 5425) of messages (RFC 5424). Throws for anything that the standards do not allow. */
export function parseSyslog(stream: string): SyslogMessage[] {
  const messages: SyslogMessage[] = []
  let rest = Buffer.from(stream)
  while (rest.length > 0) {
    const [frame = '', length] = /^([1-9]\d*) /.exec(rest.toString('latin1')) ?? []
    const end = frame.length + Number(length)
    if (!(end <= rest.length)) throw new Error(`This is not a frame: ${rest.toString()}`)
    messages.push(parseMessage(rest.subarray(frame.length, end).toString()))
    rest = rest.subarray(end)
  }
  return messages
}

function parseMessage(message: string): SyslogMessage {
  const printed = (length: number) => `([!-~]{1,${length}})`
  const time = '(\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{1,6}Z)'
  const fields = [
    `<(\\d{1,3})>1`,
    time,
    printed(255),
    printed(48),
    printed(128),
    printed(32),
    '-',
    '([ -~]*)',
  ]
  const found = new RegExp(`^${fields.join(' ')}$`).exec(message)
  if (!found) throw new Error(`This is not a message: ${message}`)
  const [, priority, timestamp = '', hostName = '', appName = '', processId = '', messageId = '', text = ''] =
    found
  return { priority: Number(priority), timestamp, hostName, appName, processId, messageId, text }
}
