import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCollector, type InProcessCollector, issueToken } from '../support/collector.ts'
import { insertRows } from '../support/rows.ts'

const lastChunk = '0\r\n\r\n'

describe('A slow client', () => {
  let collector: InProcessCollector
  beforeAll(async () => {
    collector = await createCollector({ name: 'SQLite' })
    // More than the buffers at both ends of a connection can hold.
    const rows = Array.from({ length: 60_000 }, (_, index) => ({
      session: `alias-${index}`,
      detected_at: Date.now() - index,
      user_agent: 'Mozilla/5.0 '.repeat(40),
    }))
    await insertRows(collector.database.sql, rows)
  })
  afterAll(() => collector.end())

  const createToken = async () => (await issueToken(collector.store)).token

  /** Sends a request, or several on one connection, without reading the response. */
  async function send(path: string, token: string, times = 1): Promise<Socket> {
    const socket = connect(Number(new URL(collector.url).port), '127.0.0.1')
    await once(socket, 'connect')
    socket.on('error', () => undefined)
    const request = `GET ${path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${token}\r\n\r\n`
    socket.write(request.repeat(times))
    return socket
  }

  /** Reads the beginning of a response, and pauses. */
  async function readHead(socket: Socket): Promise<string> {
    const [chunk] = await once(socket, 'data')
    socket.pause()
    return chunk.toString('latin1')
  }

  /** Reads the rest of a response. Returns undefined if it is complete. */
  async function readFailure(socket: Socket): Promise<string | undefined> {
    let tail = ''
    try {
      for await (const chunk of socket) tail = (tail + chunk.toString('latin1')).slice(-lastChunk.length)
    } catch (error) {
      return error instanceof Error && 'code' in error ? String(error.code) : String(error)
    }
    return tail === lastChunk ? undefined : 'ended without its last chunk'
  }

  const countConnections = async () => {
    const text = await (await fetch(`${collector.url}/metrics`)).text()
    return Number(/^nodejs_active_resources\{type="TCPSocketWrap"\} (\d+)$/m.exec(text)?.[1])
  }
  const countDisconnected = () => collector.logLines.filter((line) => line.includes('"disconnected ')).length

  test('occupies at most 16 of 100 exports, and none of them for 35 seconds', {
    timeout: 120_000,
  }, async () => {
    const before = await countConnections()
    const startedAt = performance.now()
    const tokens = await Promise.all(Array.from({ length: 25 }, createToken))
    const sockets = await Promise.all(
      tokens.flatMap((token) => [1, 2, 3, 4].map(() => send('/v1/lapses?format=ndjson', token))),
    )
    const heads = await Promise.all(sockets.map(readHead))
    expect(heads.filter((head) => head.startsWith('HTTP/1.1 200'))).toHaveLength(16)
    const refused = heads.filter((head) => head.startsWith('HTTP/1.1 503'))
    expect(refused).toHaveLength(84)
    for (const head of refused) expect(head).toMatch(/^retry-after: \d+\r$/im)

    await expect.poll(countDisconnected, { timeout: 35_000 }).toBe(16)
    expect(performance.now() - startedAt).toBeLessThan(35_000)
    for (const [index, socket] of sockets.entries())
      if (heads[index]?.startsWith('HTTP/1.1 200')) expect(await readFailure(socket)).toBeDefined()
      else socket.destroy()
    await expect.poll(countConnections).toBeLessThan(before + 5)

    const [token = ''] = tokens
    const headers = { Authorization: `Bearer ${token}`, Accept: 'text/csv' }
    const response = await fetch(`${collector.url}/v1/lapses?subject=nobody`, { headers })
    expect(response.status).toBe(200)
    expect(await response.text()).toMatch(/^id,/)
  })

  test('gets at most four simultaneous exports per token', async () => {
    const token = await createToken()
    const sockets = await Promise.all(Array.from({ length: 6 }, () => send('/v1/lapses?format=csv', token)))
    const heads = await Promise.all(sockets.map(readHead))
    expect(heads.map((head) => Number(head.slice(9, 12))).sort()).toEqual([200, 200, 200, 200, 429, 429])
    for (const head of heads.filter((one) => one.startsWith('HTTP/1.1 429')))
      expect(head).toMatch(/^retry-after: \d+\r$/im)
    const page = await fetch(`${collector.url}/v1/lapses`, { headers: { Authorization: `Bearer ${token}` } })
    expect(page.status).toBe(200)
    for (const socket of sockets) socket.destroy()
    const retry = async () => {
      const response = await fetch(`${collector.url}/v1/lapses?format=csv&subject=nobody`, {
        headers: { Authorization: `Bearer ${token}` },
      })
      await response.text()
      return response.status
    }
    await expect.poll(retry).toBe(200)
  })

  test.concurrent('is disconnected even if it reads a byte per second', { timeout: 120_000 }, async () => {
    const socket = await send('/v1/lapses?format=ndjson', await createToken())
    await once(socket, 'readable')
    for (let second = 0; second < 35; second++) {
      socket.read(1)
      await sleep(1000)
    }
    expect(await readFailure(socket)).toBeDefined()
  })

  test.concurrent('is disconnected in the middle of any other response', { timeout: 120_000 }, async () => {
    const socket = await send('/v1/lapses?limit=1000', await createToken(), 16)
    await readHead(socket)
    await sleep(30_000)
    expect(await readFailure(socket)).toBe('ECONNRESET')
  })

  test.concurrent('is not disconnected as long as it keeps reading', { timeout: 120_000 }, async () => {
    const socket = await send('/v1/lapses?format=ndjson', await createToken())
    socket.pause()
    const startedAt = performance.now()
    // Longer than a client may pause.
    while (performance.now() - startedAt < 28_000) {
      for (let bytes = 0; bytes < 50_000; ) {
        const chunk = socket.read()
        if (chunk === null) break
        bytes += chunk.length
      }
      await sleep(100)
    }
    expect(await readFailure(socket)).toBeUndefined()
  })
})
