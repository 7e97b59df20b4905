import { once } from 'node:events'
import type { Server } from 'node:http'

export interface ListeningServer {
  readonly url: string
  close(): Promise<void>
}

/** Lets a server listen on a free port of 127.0.0.1. */
export async function listen(server: Server): Promise<ListeningServer> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const address = server.address()
  if (typeof address !== 'object' || !address) throw new Error('The server does not listen on a port.')
  return {
    url: `http://127.0.0.1:${address.port}`,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}
