import type { Config } from '../../config/config.ts'
import { loadSiteConfig, loadStoreConfig } from '../../config/loadConfig.ts'
import type { SessionEnd } from '../../domain/sessionEnd.ts'
import { toSessionEnd } from '../../store/audit/auditColumns.ts'
import { withStore } from '../withStore.ts'

interface RowReader {
  readonly config: Pick<Config, 'sites' | 'listen'>
  /** @param url the address of the collector. */
  readonly readRow: (url: string, id: number) => Promise<SessionEnd | undefined>
}

interface RowReaderOptions {
  /** The path of the configuration file. */
  readonly config?: string
  /** A token with the scope `read`. */
  readonly token?: string
}

const timeoutMs = 10_000

/** Creates a function that reads a row: over HTTP if there is a token, otherwise from the configured database. */
export function createRowReader({ config: path, token }: RowReaderOptions): RowReader {
  if (token !== undefined)
    return { config: loadSiteConfig(path), readRow: (url, id) => fetchRow(url, token, id) }
  const config = loadStoreConfig(path)
  return { config, readRow: (_, id) => withStore(config, (store) => store.sessionEnds.find(id)) }
}

async function fetchRow(url: string, token: string, id: number): Promise<SessionEnd | undefined> {
  const response = await fetch(`${url}/v1/lapses/${id}`, {
    headers: { Authorization: `Bearer ${token}` },
    signal: AbortSignal.timeout(timeoutMs),
  })
  if (response.status === 404) return undefined
  if (!response.ok)
    throw new Error(`The row cannot be read with --token: ${response.status} ${await response.text()}`)
  // A collector answers with an object.
  return toSessionEnd((await response.json()) as Record<string, unknown>)
}
