import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { findFreePort } from './servers.ts'

/** A proxy between a client and a server on this machine. */
export interface TcpProxy {
  readonly port: number
  /** Cuts all open connections. */
  cut(): void
  close(): Promise<void>
}

/**
 * @param rewrite changes what the client sends, without changing its length.
 * @param chosenPort the port to listen on. A free one by default.
 */
export async function startTcpProxy(
  target: number,
  rewrite: (sent: Buffer) => Buffer = (sent) => sent,
  chosenPort?: number,
): Promise<TcpProxy> {
  const open = new Set<Socket>()
  const port = chosenPort ?? (await findFreePort())
  const server = createServer((incoming) => {
    const outgoing = connect(target, '127.0.0.1')
    incoming.on('data', (sent) => outgoing.write(rewrite(sent)))
    incoming.on('end', () => outgoing.end())
    outgoing.pipe(incoming)
    for (const [socket, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      open.add(socket)
      socket.on('error', () => {})
      socket.on('close', () => {
        open.delete(socket)
        other.destroy()
      })
    }
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  const cut = () => {
    for (const socket of open) socket.destroy()
  }
  return {
    port,
    cut,
    async close() {
      server.close()
      cut()
      await once(server, 'close')
    },
  }
}
