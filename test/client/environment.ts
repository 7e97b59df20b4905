import { startCollector } from '../collector.ts'
import type { TestDatabase } from '../databases.ts'
import { findFreePort } from '../servers.ts'
import type { Application } from './application.ts'
import { type Host, startHost } from './host.ts'
import type { HostOptions } from './hostOptions.ts'

/** The idle timeout of an application whose users must not time out, however slow the machine is. */
export const patientTimeoutSeconds = 60

/** The settings of one application and its site in the collector's configuration. */
export interface SiteOptions
  extends Pick<
    HostOptions,
    'idleTimeoutSeconds' | 'absoluteTimeoutSeconds' | 'untilBrowserCloses' | 'pages' | 'files'
  > {
  readonly graceSeconds?: number
  readonly refreshSeconds?: number
  /** Returns further origins at which browsers open the application. */
  readonly otherOrigins?: (port: number) => readonly string[]
}

export type Row = Readonly<Record<string, unknown>>

/** Applications with a common collector. */
export interface Environment<Site extends string, App extends Application = Host> {
  readonly hosts: Readonly<Record<Site, App>>
  readonly collectorUrl: string
  readonly database: TestDatabase
  /**
   * Reads the rows of these users. Tests share the database, and each has its own users. Rows without a user are
   * included, because any test may have caused them.
   */
  readRows(subjects: readonly string[]): Promise<readonly Row[]>
  startCollector(): Promise<void>
  stopCollector(): Promise<void>
  end(): Promise<void>
}

/**
 * Starts a host application for each site.
 *
 * @param proxy returns the address at which pages reach the collector, if a proxy is in front of it.
 * @param config the collector's configuration apart from its sites.
 */
export function startEnvironment<Site extends string>(
  sites: Readonly<Record<Site, SiteOptions>>,
  proxy?: (collectorUrl: string) => Promise<string>,
  config?: object,
): Promise<Environment<Site>> {
  return startApplications(sites, startHost, proxy, config)
}

/** Starts an application of any kind for each site. */
export async function startApplications<Site extends string, App extends Application>(
  sites: Readonly<Record<Site, SiteOptions>>,
  start: (options: HostOptions) => Promise<App>,
  proxy = async (collectorUrl: string) => collectorUrl,
  config: object = {},
): Promise<Environment<Site, App>> {
  const plan: { readonly site: Site; readonly port: number }[] = []
  for (const site in sites) plan.push({ site, port: await findFreePort() })
  const siteConfigs = plan.map(({ site, port }) => [site, createSiteConfig(sites[site], port)])
  const collector = await startCollector(
    { name: 'SQLite' },
    { ...config, sites: Object.fromEntries(siteConfigs) },
  )
  const collectorAddress = await proxy(collector.url)
  const hosts: Partial<Record<Site, App>> = {}
  for (const { site, port } of plan)
    hosts[site] = await start({ site, collector: collectorAddress, port, ...sites[site] })
  return {
    // The loop above has started an application for each site.
    hosts: hosts as Record<Site, App>,
    collectorUrl: collector.url,
    database: collector.database,
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

function createSiteConfig(options: SiteOptions, port: number): object {
  const { idleTimeoutSeconds, absoluteTimeoutSeconds, graceSeconds, refreshSeconds } = options
  const origins = [`http://127.0.0.1:${port}`, ...(options.otherOrigins?.(port) ?? [])]
  return { origins, idleTimeoutSeconds, absoluteTimeoutSeconds, graceSeconds, refreshSeconds }
}
