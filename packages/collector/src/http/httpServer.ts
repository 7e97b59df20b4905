import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, Server as NetServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import { trackConnections } from './connections.ts'
import {
  answerMalformedRequest,
  headersTimeoutMs,
  refuseTunnel,
  requestTimeoutMs,
} from './malformedRequests.ts'

interface ListenOptions {
  readonly host: string
  /** 0 for any free port. */
  readonly port: number
  /** How long idle connections stay open. */
  readonly keepAliveSeconds: number
}

/** A server that accepts requests. */
export interface HttpServer {
  /** Such as `http://127.0.0.1:4780`. */
  readonly url: string
  /** Answers the running requests and closes all connections, within about 10 seconds. */
  stop(): Promise<void>
}

/** How long the server still answers, with `Connection: close`: before it closes the port, and again afterwards. */
const drainMs = 250
/** How long clients may take to read running responses. A report is answered after six seconds at the latest. */
const maxDrainMs = 9_000

/** @throws when the port is in use, or the host is not an address of this machine. */
export async function startHttpServer(
  handle: RequestListener,
  { host, port, keepAliveSeconds }: ListenOptions,
  log: Logger,
): Promise<HttpServer> {
  const server = createServer({
    requestTimeout: requestTimeoutMs,
    headersTimeout: headersTimeoutMs,
    connectionsCheckingInterval: 1_000,
    keepAliveTimeout: keepAliveSeconds * 1000,
    // The application answers a missing Host header with a problem.
    requireHostHeader: false,
  })
  const connections = trackConnections(server, handle, log)
  server.on('clientError', answerMalformedRequest(log, connections))
  server.on('connect', refuseTunnel(connections))
  await listen(server, host, port)
  return {
    url: formatUrl(server),
    async stop() {
      await sleep(drainMs)
      // Closes only the port: `server.close()` would also end connections whose request is still arriving.
      const closed = new Promise((resolve) => NetServer.prototype.close.call(server, resolve))
      await sleep(drainMs)
      server.closeIdleConnections()
      const giveUp = setTimeout(() => server.closeAllConnections(), maxDrainMs)
      await closed
      clearTimeout(giveUp)
    },
  }
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function formatUrl(server: Server): string {
  // The address of a server that listens on a host and a port is an object.
  const { address, family, port } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
