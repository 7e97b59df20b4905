import { isIP } from 'node:net'
import { hostname } from 'node:os'
import { connect, type TLSSocket } from 'node:tls'
import { describeConnectionFailure } from '../describeConnectionFailure.ts'
import { DeliveryError, type Sender } from '../sender.ts'
import type { Facility } from './facilities.ts'
import { readTlsFiles, type TlsFiles } from './readTlsFiles.ts'
import { formatSyslogMessage, frameMessage } from './syslogMessage.ts'

/** A receiver of syslog over TLS. */
export interface SyslogTarget {
  readonly host: string
  readonly port: number
  readonly tls: TlsFiles & {
    /** The name that the receiver's certificate must be for: `host` by default. */
    readonly serverName?: string | undefined
  }
  readonly facility: Facility
}

/** How long sending a batch may take, including the confirmation. */
const timeoutMs = 20_000
/** The shortest time between the last byte and the end of data: see `sendAndConfirm`. */
const minTransitMs = 200
/** Each batch is one connection. */
const batchSize = 200

/**
 * Sends rows as syslog messages.
 *
 * Syslog has no acknowledgements, and a successful write says only that the operating system has taken the data. So each
 * batch has its own connection: the sender closes its direction and waits for the receiver to close the other one. A
 * receiver does so when it has read everything to the end. If it has not, its operating system resets the connection.
 */
export function createSyslogSender({ host, port, tls, facility }: SyslogTarget): Sender {
  const { serverName, ...files } = tls
  // Node.js sends the name to the receiver only if it is set here. An address is no name: RFC 6066, section 3.
  const servername = serverName ?? (isIP(host) ? '' : host)
  const header = { facility, hostName: hostname(), processId: process.pid }

  async function deliver(frames: string): Promise<void> {
    const certificates = await readTlsFiles(files)
    await sendAndConfirm(connect({ host, port, servername, ...certificates }), frames)
  }

  return {
    batchSize,
    async send(rows, signal) {
      if (signal.aborted) return { undelivered: rows, failure: undefined }
      const frames = rows.map((row) => frameMessage(formatSyslogMessage(row, header))).join('')
      try {
        await deliver(frames)
        return { undelivered: [], failure: undefined }
      } catch (error) {
        const failure = error instanceof DeliveryError ? error : describeConnectionFailure(error)
        return { undelivered: rows, failure }
      }
    },
  }
}

/**
 * Sends data, then waits until the receiver has read all of it and closed the connection.
 *
 * If a receiver stops while data is on its way, it first closes the connection without an error, and resets it when the
 * data arrives. So the end of data is sent only after the data must have arrived: until then, it is an error if the
 * receiver closes the connection.
 */
function sendAndConfirm(socket: TLSSocket, data: string): Promise<void> {
  const startedAt = performance.now()
  const timers: NodeJS.Timeout[] = []
  const done = new Promise<void>((resolve, reject) => {
    let hasSentEnd = false
    const sendEnd = () => {
      hasSentEnd = true
      socket.end()
    }
    const onClosed = () => (hasSentEnd ? resolve() : reject(new DeliveryError(closedTooEarly)))
    timers.push(setTimeout(() => reject(new DeliveryError(notConfirmed)), timeoutMs))
    socket
      .once('secureConnect', () => {
        const transitMs = Math.max(minTransitMs, performance.now() - startedAt)
        socket.write(data, () => timers.push(setTimeout(sendEnd, transitMs)))
      })
      // A receiver sends nothing, but without a reader, the end of its data would not be noticed.
      .resume()
      .once('end', onClosed)
      .once('error', reject)
      .once('close', () => reject(new DeliveryError(closedTooEarly)))
  })
  return done.finally(() => {
    for (const timer of timers) clearTimeout(timer)
    socket.destroy()
  })
}

const closedTooEarly = 'The receiver has closed the connection before it received all rows.'
const notConfirmed = `The receiver has not closed the connection within ${timeoutMs / 1000} seconds, so it may not have read all rows.`
