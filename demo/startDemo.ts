import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore, parseConfig, type Store, startCollector } from '@lapse/collector'
import { pino } from 'pino'
import { createApp } from './app/app.ts'
import { readRowsForPage } from './auditRows.ts'

/** The running application and its collector. */
export interface Demo {
  readonly appUrl: string
  readonly collectorUrl: string
  /** The database, without its password. */
  readonly databaseName: string
  readonly idleTimeoutSeconds: number
  readonly store: Store
  close(): Promise<void>
}

interface DemoSettings {
  /** A database URL. By default, SQLite in a temporary folder. */
  readonly database: string | undefined
  /** The application's port. The collector uses the next one. */
  readonly port: number
  readonly idleTimeoutSeconds: number
}

const host = '127.0.0.1'
const site = 'demo'

/**
 * Starts the application and its collector in this process.
 *
 * @throws if a port is in use or the database cannot be used. The message says what to do.
 */
export async function startDemo({ database, port, idleTimeoutSeconds }: DemoSettings): Promise<Demo> {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-demo-'))
  const cleanups: (() => unknown)[] = [() => rmSync(folder, { recursive: true })]
  const close = async () => {
    for (const cleanUp of cleanups.splice(0).reverse()) await cleanUp()
  }
  try {
    const url = database === undefined ? `sqlite:${join(folder, 'demo.sqlite')}` : addDatabaseName(database)
    const appUrl = `http://${host}:${port}`
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

    const collector = await startCollector(config, pino({ level: 'warn' })).catch(explainPortInUse(port + 1))
    cleanups.push(() => collector.close())
    const { app } = createApp({
      site,
      collector: collector.url,
      idleTimeoutSeconds,
      ticketSecret,
      readAuditRows: () => readRowsForPage(store),
    })
    const server = createServer(app.callback()).listen(port, host)
    await once(server, 'listening').catch(explainPortInUse(port))
    cleanups.push(() => {
      server.close()
      server.closeAllConnections()
    })
    const databaseName = database === undefined ? 'embedded SQLite' : url.replace(/:[^:@/]*@/, '@')
    return { appUrl, collectorUrl: collector.url, databaseName, idleTimeoutSeconds, store, close }
  } catch (error) {
    await close()
    throw error
  }
}

/** Adds a database name to a server's URL that has none. */
function addDatabaseName(database: string): string {
  const url = URL.parse(database)
  return url?.host && url.pathname.length < 2 ? `${database.replace(/\/$/, '')}/lapse_demo` : database
}

function explainPortInUse(port: number) {
  return (error: unknown): never => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error
    throw new Error(
      `Port ${port} on ${host} is already in use, perhaps by another demo. Stop that program, or choose two other\n` +
        'consecutive ports: npm run demo -- --port 5000',
    )
  }
}
