import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore, parseConfig, type Store, startCollector } from '@lapse/collector'
import { createApp } from '@lapse/example-script-tag'
import { pino } from 'pino'
import { rowsForPage } from './rows.ts'

/** The demo application and the collector, running. */
export interface Stage {
  readonly appUrl: string
  readonly collectorUrl: string
  /** The database without its password. */
  readonly databaseName: string
  readonly idleTimeoutSeconds: number
  readonly store: Store
  close(): Promise<void>
}

interface StageOptions {
  readonly database: string | undefined
  /** The application's port; the collector takes the next one. */
  readonly port: number
  readonly idleTimeoutSeconds: number
}

const host = '127.0.0.1'
const site = 'demo'

/** @throws an error that says what to do, when a port is taken or the database cannot be used. */
export async function startStage({ database, port, idleTimeoutSeconds }: StageOptions): Promise<Stage> {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-demo-'))
  const cleanups: (() => unknown)[] = [() => rmSync(folder, { recursive: true })]
  const close = async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  }
  try {
    const url = database === undefined ? `sqlite:${join(folder, 'demo.sqlite')}` : withName(database)
    const appUrl = `http://${host}:${port}`
    // The two know it, and it goes with them.
    const ticketSecret = randomBytes(32).toString('base64url')
    const ticketKeys = [{ alg: 'HS256' as const, secret: 'env:TICKET_SECRET' }]
    const config = parseConfig(
      {
        database: url,
        listen: { host, port: port + 1 },
        sites: { [site]: { origins: [appUrl], idleTimeoutSeconds, ticketKeys, requireTicket: true } },
      },
      { ...process.env, TICKET_SECRET: ticketSecret },
    )
    const store = openStore(config.database, config.table)
    cleanups.push(() => store.close())
    await store.schema.migrate()

    const collector = await startCollector(config, pino({ level: 'warn' })).catch(portTaken(port + 1))
    cleanups.push(() => collector.close())
    const auditRows = () => rowsForPage(store)
    const { app } = createApp({
      site,
      collector: collector.url,
      idleTimeoutSeconds,
      ticketSecret,
      auditRows,
    })
    const server = createServer(app.callback()).listen(port, host)
    await once(server, 'listening').catch(portTaken(port))
    cleanups.push(() => {
      server.close()
      server.closeAllConnections()
    })
    const databaseName = database === undefined ? 'SQLite, embedded' : url.replace(/:[^:@/]*@/, '@')
    return { appUrl, collectorUrl: collector.url, databaseName, idleTimeoutSeconds, store, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** A server's URL without the name of a database gets one. */
function withName(database: string): string {
  const url = URL.parse(database)
  return url?.host && url.pathname.length < 2 ? `${database.replace(/\/$/, '')}/lapse_demo` : database
}

function portTaken(port: number) {
  return (error: unknown): never => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
    throw new Error(
      `Port ${port} on ${host} is taken, perhaps by another demo. End the program that has it, or choose two free\n` +
        'ports that follow each other: npm run demo -- --port 5000',
    )
  }
}
