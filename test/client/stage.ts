import { type ChildProcess, execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { command, serve, stop } from '../collector.ts'
import { createDatabase } from '../databases.ts'
import { freePort } from '../servers.ts'
import { type Host, startHost } from './host.ts'

/** One host application, and what the collector is told about it. */
export interface SiteOptions {
  readonly idleTimeoutSeconds: number
  readonly absoluteTimeoutSeconds?: number
  readonly graceSeconds?: number
  readonly untilBrowserCloses?: boolean
}

export type Row = Readonly<Record<string, unknown>>

/** Host applications and the collector that they share, as its users start it, on a database of its own. */
export interface Stage<Site extends string> {
  readonly hosts: Readonly<Record<Site, Host>>
  readonly collectorUrl: string
  /**
   * The rows of these users, and of nobody, as the database holds them. Scenarios share the database, each with users
   * of its own; a row without one is nobody's, and belongs to every scenario.
   */
  rows(subjects: readonly string[]): Promise<readonly Row[]>
  startCollector(): Promise<void>
  stopCollector(): Promise<void>
  end(): Promise<void>
}

/**
 * @param reachedBy gives the address by which the pages reach the collector, such as that of a proxy in front of it.
 */
export async function startStage<Site extends string>(
  sites: Readonly<Record<Site, SiteOptions>>,
  reachedBy = async (collectorUrl: string) => collectorUrl,
): Promise<Stage<Site>> {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  const database = await createDatabase({ name: 'SQLite' })
  const collectorPort = await freePort()
  const collectorUrl = `http://127.0.0.1:${collectorPort}`
  const collector = await reachedBy(collectorUrl)
  const hosts: Partial<Record<Site, Host>> = {}
  const siteConfigs: Record<string, object> = {}
  for (const site in sites) {
    const { untilBrowserCloses, ...limits } = sites[site]
    const host = await startHost({ site, collector, port: await freePort(), untilBrowserCloses, ...limits })
    hosts[site] = host
    siteConfigs[site] = { origins: [host.url], ...limits }
  }
  const configFile = join(folder, 'lapse.config.json')
  const config = { database: database.url, listen: { port: collectorPort }, sites: siteConfigs }
  writeFileSync(configFile, JSON.stringify(config))
  await promisify(execFile)(process.execPath, [command, 'migrate', '--config', configFile])

  let process_: ChildProcess | undefined
  const stage: Stage<Site> = {
    // All of them are there now.
    hosts: hosts as Record<Site, Host>,
    collectorUrl,
    rows: (subjects) =>
      database.sql('session_audit').whereIn('subject', subjects).orWhereNull('subject').orderBy('id'),
    async startCollector() {
      process_ = await serve(configFile, collectorUrl)
    },
    async stopCollector() {
      await stop(process_)
      process_ = undefined
    },
    async end() {
      await stage.stopCollector()
      for (const site in sites) await hosts[site]?.close()
      await database.drop()
      rmSync(folder, { recursive: true })
    },
  }
  await stage.startCollector()
  return stage
}
