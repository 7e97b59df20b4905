import type { Server } from 'node:http'

/**
 * Stops an application when its process is asked to stop.
 *
 * @param close runs when no more requests arrive.
 */
export function stopOnSignal(server: Server, close: () => Promise<void>): void {
  const stop = async () => {
    server.close()
    server.closeAllConnections()
    await close()
    process.exit()
  }
  process.once('SIGTERM', stop)
  process.once('SIGINT', stop)
}
