import { startCollector, type TestCollector } from '../../../test/collector.ts'
import type { LapseArguments } from './runPhp.ts'

export const ticketSecret = 'a secret of the tests, 32 bytes long'

export interface PhpCollector extends TestCollector {
  /** The arguments for an application that reports to this collector. */
  readonly args: LapseArguments
}

/** Starts a collector on SQLite whose site `acme` has an idle timeout of 30 minutes, unless `site` changes it. */
export async function startPhpCollector(site: object = {}, config: object = {}): Promise<PhpCollector> {
  const acme = {
    origins: ['https://app.acme.com'],
    idleTimeoutSeconds: 1800,
    ticketKeys: [{ alg: 'HS256', secret: 'env:ACME_TICKET_SECRET' }],
    ...site,
  }
  const collector = await startCollector(
    { name: 'SQLite' },
    { sites: { acme }, ...config },
    { ACME_TICKET_SECRET: ticketSecret },
  )
  const token = (await collector.runLapse('token', 'create', '--scope', 'write', '--site', 'acme')).trim()
  return {
    ...collector,
    args: {
      site: 'acme',
      collector: collector.url,
      token,
      ticketSecret,
      idleTimeoutSeconds: acme.idleTimeoutSeconds,
      // On a busy machine, the collector may take longer than the default.
      timeoutSeconds: 10,
    },
  }
}
