import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { Application } from '../../client/application.ts'
import type { HostOptions } from '../../client/hostOptions.ts'

/**
 * Listens on the application's port.
 *
 * @param findSession finds a user's session by the subject.
 */
export async function listen(
  { site, port, idleTimeoutSeconds }: HostOptions,
  handler: RequestListener,
  findSession: Application['findSession'],
): Promise<Application> {
  const server = createServer(handler).listen(port, '127.0.0.1')
  await once(server, 'listening')
  return {
    site,
    url: `http://127.0.0.1:${port}`,
    idleTimeoutSeconds,
    findSession,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
