import { constants, generateKeyPairSync, privateDecrypt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { pino } from 'pino'
import { expect, onTestFinished, test } from 'vitest'
import { findFreePort } from '../../../../test/servers.ts'
import { parseConfig, startCollector } from '../../src/index.ts'
import { createConfig, environment } from '../support/collector.ts'

/** An address of this machine that is not treated as local, unlike 127.0.0.1 and localhost. */
const host = '127.0.0.2'

test('A database server without TLS does not get the password, even with its own encryption key', async () => {
  const server = await startFalseServer()
  onTestFinished(server.close)
  const url = `mysql://lapse:hunter2@${host}:${server.port}/lapse`
  const config = parseConfig(createConfig(url), environment)
  await expect(startCollector(config, pino({ level: 'silent' }))).rejects.toThrow(
    /asks for the password without TLS\. An impostor could read it: enable TLS/,
  )
  expect(server.passwords).toEqual([])
})

/** Starts a server that speaks enough of MySQL's protocol to ask for a password. It has no TLS, and sends its own key. */
async function startFalseServer() {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const scramble = Buffer.alloc(20, 'A')
  const passwords: string[] = []
  const server = createServer((socket) => {
    socket.on('error', () => {})
    let step = 0
    socket.on('data', (packet) => {
      const send = (body: Buffer) => socket.write(createPacket((packet[3] ?? 0) + 1, body))
      const body = packet.subarray(4)
      step += 1
      if (step === 1) send(createAuthSwitch('caching_sha2_password', scramble))
      // "Fast authentication does not do": the client has to send its password.
      else if (step === 2) send(Buffer.from([1, 4]))
      else if (body[0] === 2) send(Buffer.concat([Buffer.from([1]), Buffer.from(exportPem())]))
      else passwords.push(decrypt(body))
    })
    socket.write(createPacket(0, createGreeting(scramble)))
  })
  const exportPem = () => publicKey.export({ type: 'spki', format: 'pem' })
  const decrypt = (encrypted: Buffer) => {
    const padding = constants.RSA_PKCS1_OAEP_PADDING
    const mixed = privateDecrypt({ key: privateKey, padding, oaepHash: 'sha1' }, encrypted)
    return Buffer.from(mixed.map((byte, index) => byte ^ (scramble[index % 20] ?? 0))).toString()
  }
  const port = await findFreePort()
  server.listen(port, host)
  await once(server, 'listening')
  return { port, passwords, close: () => void server.close() }
}

function createPacket(sequence: number, body: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUIntLE(body.length, 0, 3)
  head[3] = sequence
  return Buffer.concat([head, body])
}

const createAuthSwitch = (plugin: string, scramble: Buffer) =>
  Buffer.concat([Buffer.from([0xfe]), Buffer.from(`${plugin}\0`), scramble, Buffer.from([0])])

/** Creates a server's first packet, without the flag for TLS: https://dev.mysql.com/doc/dev/mysql-server/latest/page_protocol_connection_phase_packets_protocol_handshake_v10.html */
function createGreeting(scramble: Buffer): Buffer {
  const [low, high] = [Buffer.alloc(2), Buffer.alloc(2)]
  const capabilities = 0x0008_a209 | 0x0020_0000
  low.writeUInt16LE(capabilities & 0xffff)
  high.writeUInt16LE(capabilities >>> 16)
  return Buffer.concat([
    Buffer.from([10]),
    Buffer.from('8.4.0\0'),
    Buffer.from([1, 0, 0, 0]),
    scramble.subarray(0, 8),
    Buffer.from([0]),
    low,
    Buffer.from([255, 2, 0]),
    high,
    Buffer.from([21]),
    Buffer.alloc(10),
    scramble.subarray(8),
    Buffer.from('\0caching_sha2_password\0'),
  ])
}
