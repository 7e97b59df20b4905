import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { inject } from 'vitest'
import { startCollector, type TestCollector } from '../collector.ts'
import { createDatabase, type TestDatabase } from '../databases.ts'
import { findFreePort } from '../servers.ts'
import { type PhpServerOptions, startPhpServer } from './phpServer.ts'

/** The settings of the application's site in the collector's configuration. */
export type SiteSettings = Readonly<Record<string, unknown>>

/** The secret of the application's tickets. */
export const ticketSecret = 'a secret of the tests, 32 bytes long'

/** The class that the files of the applications use. */
export const lapsePhpPath = fileURLToPath(new URL('../../packages/php/Lapse.php', import.meta.url))

/** A PHP application in a folder of its own, with its database and its collector. */
export interface Application {
  readonly url: string
  readonly folder: string
  readonly collector: TestCollector
  end(): Promise<void>
}

/** What an application needs to install itself. */
export interface Installation {
  readonly folder: string
  readonly database: TestDatabase
  readonly url: string
  readonly collectorUrl: string
  /** Registers something to end with the application. */
  onEnd(end: () => Promise<void>): void
}

/**
 * Starts an application with a throwaway database and collector, both on MariaDB.
 *
 * @param install writes the application's files and returns how to serve them.
 */
export async function startApplication(
  site: string,
  settings: SiteSettings,
  install: (installation: Installation) => Promise<Pick<PhpServerOptions, 'documentRoot' | 'environment'>>,
): Promise<Application> {
  const server = inject('databaseServers').find(({ name }) => name === 'MariaDB')
  if (!server) throw new Error('The applications need MariaDB.')
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  const port = await findFreePort()
  const url = `http://127.0.0.1:${port}`
  const database = await createDatabase(server)
  const ticketKeys = [{ alg: 'HS256', secret: 'env:LAPSE_TICKET_SECRET' }]
  const collector = await startCollector(
    server,
    { sites: { [site]: { origins: [url], ticketKeys, ...settings } } },
    { LAPSE_TICKET_SECRET: ticketSecret },
  )
  const ends = [async () => rmSync(folder, { recursive: true }), () => database.drop(), () => collector.end()]
  const end = async () => {
    for (const endPart of ends.reverse()) await endPart()
  }
  try {
    const onEnd = (endPart: () => Promise<void>) => ends.push(endPart)
    const served = await install({ folder, database, url, collectorUrl: collector.url, onEnd })
    const php = await startPhpServer({ ...served, folder, port })
    onEnd(php.kill)
    return { url, folder, collector, end }
  } catch (error) {
    await end()
    throw error
  }
}
