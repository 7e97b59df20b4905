import type { Config } from '../../config/config.ts'
import { loadSiteConfig, loadStoreConfig } from '../../config/loadConfig.ts'
import { selftestSubject } from '../../domain/selftest.ts'
import { type ListedSessionEnd, listedSessionEndSchema } from '../../reading/listedSessionEnd.ts'
import type { SweepStatus } from '../../store/live/createMarkRepository.ts'
import type { Store } from '../../store/openStore.ts'
import { getCollectorUrl } from '../options/getCollectorUrl.ts'
import { withStore } from '../withStore.ts'

type SelftestConfig = Pick<Config, 'sites' | 'listen' | 'sweep'>

/** Reads what the collector has stored about a session. */
export interface SelftestReader {
  /** Lists all rows of a session, those that were corrected included. */
  listRows(site: string, session: string): Promise<readonly ListedSessionEnd[]>
  isLive(site: string, session: string): Promise<boolean>
  /** @returns undefined over HTTP. */
  readSweepStatus(): Promise<SweepStatus | undefined>
}

interface ReaderOptions {
  /** The path of the configuration file. */
  readonly config?: string
  /** A token with the scope `read`. */
  readonly token?: string
  /** The address of the collector. By default, that of the configuration. */
  readonly url?: string
}

const timeoutMs = 10_000
const pageSize = 1000

/** Reads over HTTP if there is a token, otherwise from the configured database, while `work` runs. */
export async function withSelftestReader(
  { config: path, token, url }: ReaderOptions,
  work: (reader: SelftestReader, config: SelftestConfig, url: string) => Promise<void>,
): Promise<void> {
  const config = token === undefined ? loadStoreConfig(path) : loadSiteConfig(path)
  const address = (url ?? getCollectorUrl(config)).replace(/\/+$/, '')
  if (token !== undefined) await work(createHttpReader(address, token), config, address)
  else await withStore(loadStoreConfig(path), (store) => work(createDatabaseReader(store), config, address))
}

function createDatabaseReader({
  sessionEnds,
  liveSessions,
  marks,
}: Pick<Store, 'sessionEnds' | 'liveSessions' | 'marks'>): SelftestReader {
  return {
    async listRows(site, session) {
      const selection = { site, session, revisions: 'all', selftests: 'include' } as const
      return (await sessionEnds.readPage(selection, { limit: pageSize })).rows
    },
    async isLive(site, session) {
      for await (const page of liveSessions.readPages({ site, subject: selftestSubject }))
        if (page.some((live) => live.session === session)) return true
      return false
    },
    readSweepStatus: () => marks.readStatus(),
  }
}

function createHttpReader(url: string, token: string): SelftestReader {
  async function get<Body>(path: string, query: Record<string, string>): Promise<Body> {
    const response = await fetch(`${url}${path}?${new URLSearchParams(query)}`, {
      headers: { Authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(timeoutMs),
    })
    if (!response.ok)
      throw new Error(`${path} cannot be read with --token: ${response.status} ${await response.text()}`)
    // A collector answers with an object.
    return (await response.json()) as Body
  }
  return {
    async listRows(site, session) {
      const { lapses } = await get<{ lapses: unknown[] }>('/v1/lapses', {
        ...{ site, session },
        revisions: 'all',
        selftests: 'include',
        limit: `${pageSize}`,
      })
      return lapses.map((row) => listedSessionEndSchema.parse(row))
    },
    async isLive(site, session) {
      for (let cursor: string | null = ''; cursor !== null; ) {
        const page: { sessions: { session: string | null }[]; next: string | null } = await get(
          '/v1/sessions',
          { site, subject: selftestSubject, limit: `${pageSize}`, ...(cursor !== '' && { cursor }) },
        )
        if (page.sessions.some((live) => live.session === session)) return true
        cursor = page.next
      }
      return false
    },
    readSweepStatus: async () => undefined,
  }
}
