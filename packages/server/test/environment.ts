import { randomBytes } from 'node:crypto'
import {
  createLapseServer,
  type LapseServer,
  type LapseServerError,
  type LapseServerOptions,
} from '@lapse/server'
import { expect } from 'vitest'
import { startCollector, type TestCollector } from '../../../test/collector.ts'
import { type RecordingProxy, startRecordingProxy } from './recordingProxy.ts'

/** A real collector behind a recording proxy. */
export interface Environment {
  readonly collector: TestCollector
  readonly proxy: RecordingProxy
  readonly ticketSecret: string
  readonly token: string
  /** Creates a reporter whose reports pass the proxy, and records its errors. `end` closes it. */
  createLapse(options?: Partial<LapseServerOptions>): LapseServer & { readonly errors: LapseServerError[] }
  /** Waits for a number of rows, oldest first. */
  waitForRows(count: number): Promise<Record<string, unknown>[]>
  countLiveSessions(): Promise<number>
  /** Closes what was created, and deletes all rows, so that another test starts afresh. */
  reset(): Promise<void>
  end(): Promise<void>
}

export async function startEnvironment(site: object = {}): Promise<Environment> {
  const ticketSecret = randomBytes(32).toString('base64url')
  const ticketKeys = [{ alg: 'HS256', secret: 'env:LAPSE_TICKET_SECRET' }]
  const acme = { origins: ['https://app.acme.com'], idleTimeoutSeconds: 1800, ticketKeys, ...site }
  const config = {
    sites: { acme, other: acme },
    sweep: { everySeconds: 1 },
    rateLimit: { requestsPerMinute: 100_000 },
  }
  const collector = await startCollector({ name: 'SQLite' }, config, { LAPSE_TICKET_SECRET: ticketSecret })
  const token = (await collector.runLapse('token', 'create', '--scope', 'write')).trim()
  const proxy = await startRecordingProxy(collector.url)
  const created: LapseServer[] = []
  async function reset(): Promise<void> {
    // Otherwise, reports that still wait would arrive in the next test.
    proxy.fail(() => 'cut before')
    for (const lapse of created.splice(0)) await lapse.close({ timeoutMs: 100 })
    proxy.fail(undefined)
    proxy.clear()
    for (const table of ['session_audit', 'session_live', 'session_logout'])
      await collector.database.sql(table).delete()
  }
  return {
    collector,
    proxy,
    ticketSecret,
    token,
    createLapse(options) {
      const lapse = createLapseServer({
        site: 'acme',
        collector: proxy.url,
        token,
        ticketSecret,
        idleTimeoutSeconds: 1800,
        ...options,
      })
      created.push(lapse)
      const errors: LapseServerError[] = []
      lapse.on('error', (error) => errors.push(error))
      return Object.assign(lapse, { errors })
    },
    async waitForRows(count) {
      await expect.poll(() => collector.database.readRows()).toHaveLength(count)
      return collector.database.readRows()
    },
    async countLiveSessions() {
      const [row] = await collector.database.sql('session_live').count({ count: '*' })
      return Number(row?.count)
    },
    reset,
    async end() {
      await reset()
      await proxy.close()
      await collector.end()
    },
  }
}
