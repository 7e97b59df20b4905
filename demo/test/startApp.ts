import type { TestCollector } from '../../test/collector.ts'
import { serveApp, startSignedCollector } from '../../test/exampleApp.ts'
import { type DatabaseServer, findFreePort } from '../../test/servers.ts'
import { createApp } from '../app/app.ts'

/** The demo's application with its own collector. */
export interface RunningApp {
  readonly appUrl: string
  readonly sessions: ReturnType<typeof createApp>['sessions']
  readonly collector: TestCollector
  end(): Promise<void>
}

export async function startApp(server: DatabaseServer, idleTimeoutSeconds: number): Promise<RunningApp> {
  const port = await findFreePort()
  const appUrl = `http://127.0.0.1:${port}`
  const { collector, ticketSecret } = await startSignedCollector(server, 'demo', [appUrl])
  const { app, sessions } = createApp({
    site: 'demo',
    collector: collector.url,
    idleTimeoutSeconds,
    ticketSecret,
  })
  const closeApp = await serveApp(app.callback(), port)
  return {
    appUrl,
    sessions,
    collector,
    async end() {
      await collector.end()
      await closeApp()
    },
  }
}
