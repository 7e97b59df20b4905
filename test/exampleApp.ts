import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import { startCollector, type TestCollector } from './collector.ts'
import type { DatabaseServer } from './servers.ts'

interface SignedCollector {
  readonly collector: TestCollector
  /** The application signs its tickets with it. */
  readonly ticketSecret: string
}

/** Starts a collector for an application that signs tickets. The application must run at one of the origins. */
export async function startSignedCollector(
  server: DatabaseServer,
  site: string,
  origins: readonly string[],
): Promise<SignedCollector> {
  const ticketSecret = randomBytes(32).toString('base64url')
  const ticketKeys = [{ alg: 'HS256', secret: 'env:LAPSE_TICKET_SECRET' }]
  // Longer than any session of the tests: the idle timeout in the ticket counts.
  const config = { origins, idleTimeoutSeconds: 3600, ticketKeys, requireTicket: true }
  const secrets = { LAPSE_TICKET_SECRET: ticketSecret }
  return { collector: await startCollector(server, { sites: { [site]: config } }, secrets), ticketSecret }
}

/** Serves an application. Returns a function that stops it. */
export async function serveApp(listener: RequestListener, port: number): Promise<() => Promise<void>> {
  const server = createServer(listener).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return async () => {
    server.close()
    server.closeAllConnections()
    await once(server, 'close')
  }
}
