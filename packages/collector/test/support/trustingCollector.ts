import type { ConfigInput } from '../../src/index.ts'
import { createCollector, type InProcessCollector, origin } from './collector.ts'

/** A site whose rows contain complete client addresses. */
export const site = { origins: [origin], idleTimeoutSeconds: 1800, ip: 'full' as const }

/** Creates a collector that trusts proxies on this machine and in two networks. */
export function createTrustingCollector(changes: Partial<ConfigInput> = {}): Promise<InProcessCollector> {
  const trustProxy = ['127.0.0.1', '10.0.0.0/8', '2001:db8:ffff::/48']
  return createCollector({ name: 'SQLite' }, { trustProxy, sites: { acme: site }, ...changes })
}
