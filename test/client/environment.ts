import { startCollector } from '../collector.ts'
import { findFreePort } from '../servers.ts'
import { type Host, startHost } from './host.ts'

/** The settings of one host application and its site in the collector's configuration. */
export interface SiteOptions {
  readonly idleTimeoutSeconds: number
  readonly absoluteTimeoutSeconds?: number
  readonly graceSeconds?: number
  readonly untilBrowserCloses?: boolean
}

export type Row = Readonly<Record<string, unknown>>

/** Host applications with a common collector. */
export interface Environment<Site extends string> {
  readonly hosts: Readonly<Record<Site, Host>>
  readonly collectorUrl: string
  /**
   * Reads the rows of these users. Tests share the database, and each has its own users. Rows without a user are
   * included, because any test may have caused them.
   */
  readRows(subjects: readonly string[]): Promise<readonly Row[]>
  startCollector(): Promise<void>
  stopCollector(): Promise<void>
  end(): Promise<void>
}

/** @param proxy returns the address at which pages reach the collector, if a proxy is in front of it. */
export async function startEnvironment<Site extends string>(
  sites: Readonly<Record<Site, SiteOptions>>,
  proxy = async (collectorUrl: string) => collectorUrl,
): Promise<Environment<Site>> {
  const plan: { readonly site: Site; readonly port: number }[] = []
  for (const site in sites) plan.push({ site, port: await findFreePort() })
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
    readRows: (subjects) =>
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
