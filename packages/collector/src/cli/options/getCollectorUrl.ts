import type { Config } from '../../config/config.ts'

/** Returns the address of a collector on this machine. */
export function getCollectorUrl({ listen: { host, port } }: Pick<Config, 'listen'>): string {
  // A collector that listens on all addresses is reached at the loopback address.
  const address = host === '0.0.0.0' ? '127.0.0.1' : host === '::' ? '::1' : host
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}`
}
