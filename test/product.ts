import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { createApp } from '@lapse/example-script-tag'
import { startCollector, type TestCollector } from './collector.ts'
import { type DatabaseServer, freePort } from './servers.ts'

/** The demo application and its collector. */
export interface Product {
  readonly appUrl: string
  readonly sessions: ReturnType<typeof createApp>['sessions']
  readonly collector: TestCollector
  end(): Promise<void>
}

export async function startProduct(server: DatabaseServer, idleTimeoutSeconds: number): Promise<Product> {
  const port = await freePort()
  const appUrl = `http://127.0.0.1:${port}`
  const ticketSecret = randomBytes(32).toString('base64url')
  const ticketKeys = [{ alg: 'HS256', secret: 'env:TICKET_SECRET' }]
  const collector = await startCollector(
    server,
    // Longer than the session's own limit, which the ticket tells.
    { sites: { demo: { origins: [appUrl], idleTimeoutSeconds: 3600, ticketKeys, requireTicket: true } } },
    { TICKET_SECRET: ticketSecret },
  )
  const options = { site: 'demo', collector: collector.url, idleTimeoutSeconds, ticketSecret }
  const { app, sessions } = createApp(options)
  const appServer = createServer(app.callback()).listen(port, '127.0.0.1')
  await once(appServer, 'listening')
  return {
    appUrl,
    sessions,
    collector,
    async end() {
      await collector.end()
      appServer.close()
      appServer.closeAllConnections()
    },
  }
}
