import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { type Connection, createConnection } from 'mysql2'
import { findFreePort } from './servers.ts'

/** Sends reads to one MySQL server and everything else to another, as ProxySQL and MaxScale do. */
export interface SplittingProxy {
  readonly port: number
  /** How many statements each server has received. */
  readonly counts: { reader: number; writer: number }
  close(): Promise<void>
}

const commands = { query: 0x03, prepare: 0x16, execute: 0x17, close: 0x19 }
/** Marks the ids of statements that the reader has prepared, because both servers count from 1. */
const readerMark = 0x4000_0000

/**
 * Sends each SELECT outside a transaction to the reader, as root without a password. The client signs in to the writer.
 * Connections must not be encrypted.
 */
export async function startSplittingProxy(
  writer: number,
  reader: number,
  database: string,
): Promise<SplittingProxy> {
  const counts = { reader: 0, writer: 0 }
  const port = await findFreePort()
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    sockets.add(client)
    void serve(client).catch(() => client.destroy())
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')

  async function serve(client: Socket): Promise<void> {
    client.pause()
    const toWriter = connect(writer, '127.0.0.1')
    const readerConnection = createConnection({
      host: '127.0.0.1',
      port: reader,
      user: 'root',
      charset: 'utf8mb4',
      database,
    })
    const toReader = await detachSocket(readerConnection)
    let isInTransaction = false
    let isPreparing = false
    const end = () => {
      client.destroy()
      toWriter.destroy()
      toReader.destroy()
    }
    for (const socket of [client, toWriter, toReader]) socket.on('error', end).on('close', end)
    toWriter.pipe(client)
    toReader.on('data', (answer: Buffer) => {
      // The response to PREPARE starts with the statement's id, after the packet header and the status.
      if (isPreparing && answer[4] === 0) answer.writeUInt32LE(answer.readUInt32LE(5) + readerMark, 5)
      isPreparing = false
      client.write(answer)
    })

    function forward(packet: Buffer): void {
      const command = packet[3] === 0 ? packet[4] : undefined
      if (command === commands.query || command === commands.prepare) {
        // MySQL sends two numbers before the query: 0 attributes in 1 set.
        const start = command === commands.query && packet[5] === 0 ? 7 : 5
        const sql = packet.subarray(start).toString()
        if (/^\s*(start transaction|begin)/i.test(sql)) isInTransaction = true
        if (/^\s*(commit|rollback)/i.test(sql)) isInTransaction = false
        const isRead = !isInTransaction && /^\s*select/i.test(sql)
        isPreparing = isRead && command === commands.prepare
        counts[isRead ? 'reader' : 'writer'] += 1
        void (isRead ? toReader : toWriter).write(packet)
        return
      }
      const id = command === commands.execute || command === commands.close ? packet.readUInt32LE(5) : 0
      if (id >= readerMark) {
        packet.writeUInt32LE(id - readerMark, 5)
        toReader.write(packet)
      } else {
        toWriter.write(packet)
      }
    }

    let received = Buffer.alloc(0)
    client.on('data', (data) => {
      received = Buffer.concat([received, data])
      while (received.length >= 4 && received.length >= 4 + received.readUIntLE(0, 3)) {
        const length = 4 + received.readUIntLE(0, 3)
        forward(Buffer.from(received.subarray(0, length)))
        received = received.subarray(length)
      }
    })
    client.resume()
  }

  return {
    port,
    counts,
    async close() {
      server.close()
      for (const socket of sockets) socket.destroy()
      await once(server, 'close')
    },
  }
}

/** Signs in with the driver, then detaches the driver from the connection's socket. */
async function detachSocket(connection: Connection): Promise<Socket> {
  await new Promise<void>((resolve, reject) => {
    connection.connect((error) => (error ? reject(error) : resolve()))
  })
  // The driver's types do not declare its socket.
  const { stream } = connection as Connection & { readonly stream: Socket }
  stream.removeAllListeners()
  return stream
}
