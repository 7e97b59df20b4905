import { startCollector } from '../collector.ts'
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
 * @param proxy returns the address at which pages reach the collector, if it is not the collector's own.
 */
export async function startStage<Site extends string>(
  sites: Readonly<Record<Site, SiteOptions>>,
  proxy = async (collectorUrl: string) => collectorUrl,
): Promise<Stage<Site>> {
  const plan: { readonly site: Site; readonly port: number }[] = []
  for (const site in sites) plan.push({ site, port: await freePort() })
  const siteConfigs = plan.map(({ site, port }) => {
    const { untilBrowserCloses: _, ...limits } = sites[site]
    return [site, { origins: [`http://127.0.0.1:${port}`], ...limits }]
  })
  const collector = await startCollector({ name: 'SQLite' }, { sites: Object.fromEntries(siteConfigs) })
  const collectorAddress = await proxy(collector.url)
  const hosts: Partial<Record<Site, Host>> = {}
  for (const { site, port } of plan)
    hosts[site] = await startHost({ site, collector: collectorAddress, port, ...sites[site] })
  return {
    // The loop above has started a host for each site.
    hosts: hosts as Record<Site, Host>,
    collectorUrl: collector.url,
    rows: (subjects) =>
      collector.database
        .sql('session_audit')
        .whereIn('subject', subjects)
        .orWhereNull('subject')
        .orderBy('id'),
    startCollector: collector.start,
    stopCollector: collector.stop,
    async end() {
      for (const site in sites) await hosts[site]?.close()
      await collector.end()
    },
  }
}
