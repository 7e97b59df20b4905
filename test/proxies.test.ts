import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { Agent, request } from 'node:https'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { connect as connectTls } from 'node:tls'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { startReplica, type TestCollector } from './collector.ts'
import { createDatabase, type TestDatabase } from './databases.ts'
import { type FrontProxy, proxyNames, startProxy } from './proxies.ts'

const origin = 'https://app.acme.com'
/** The client's address. It differs from the proxy's. */
const localAddress = '127.0.0.2'
// Not SQLite, because two collectors share the database.
const server = inject('databaseServers').find(({ url }) => url !== undefined)

/** A client that keeps its connection open. */
interface Client {
  /** Posts a report and returns the response's status. */
  post(session: string, headers?: Readonly<Record<string, string>>): Promise<number>
}

function formatReport(session: string): string {
  const now = Date.now()
  const times = { startedAt: now - 3_600_000, lastAccessAt: now - 2_400_000, detectedAt: now, sentAt: now }
  return JSON.stringify({ site: 'acme', marker: randomUUID(), session, detectedBy: 'login_page', ...times })
}

const contentType = { Origin: origin, 'Content-Type': 'text/plain' }

function createHttp1Client({ port, certificate: ca }: FrontProxy): Client {
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca, localAddress })
  onTestFinished(() => agent.destroy())
  return {
    async post(session, headers = {}) {
      const options = { agent, port, method: 'POST', headers: { ...contentType, ...headers } }
      const outgoing = request(`https://127.0.0.1:${port}/v1/lapses`, options)
      outgoing.end(formatReport(session))
      const [response] = await once(outgoing, 'response')
      await response.resume().toArray()
      return response.statusCode
    },
  }
}

function createHttp2Client({ port, certificate: ca }: FrontProxy): Client {
  const connection = connectHttp2(`https://127.0.0.1:${port}`, {
    createConnection: () =>
      connectTls({
        socket: connect({ host: '127.0.0.1', port, localAddress }),
        host: '127.0.0.1',
        ca,
        ALPNProtocols: ['h2'],
      }),
  })
  onTestFinished(() => connection.destroy())
  return {
    async post(session, headers = {}) {
      const stream = connection.request({
        ':method': 'POST',
        ':path': '/v1/lapses',
        ...contentType,
        ...headers,
      })
      stream.end(formatReport(session))
      const [answer] = await once(stream, 'response')
      await stream.resume().toArray()
      return answer[':status']
    },
  }
}

const clients = { 'HTTP/1.1': createHttp1Client, 'HTTP/2': createHttp2Client }

describe.each(proxyNames)('Behind %s,', (name) => {
  let database: TestDatabase
  let proxy: FrontProxy
  const collectors: TestCollector[] = []

  beforeAll(async () => {
    if (!server) throw new Error('No database server was started for the tests.')
    database = await createDatabase(server)
    const sites = { acme: { origins: [origin], idleTimeoutSeconds: 1800, ip: 'full' } }
    const config = { trustProxy: ['127.0.0.1'], sites }
    const [first, second] = [await startReplica(database, config), await startReplica(database, config)]
    collectors.push(first, second)
    proxy = await startProxy(name, [first, second])
  })
  afterAll(async () => {
    await proxy.end()
    for (const collector of collectors.splice(0)) await collector.end()
    await database.drop()
  })

  const readAddresses = async (sessions: readonly string[]) => {
    const rows = await database.readRows()
    return sessions.map((session) => rows.find((row) => row.session_key === session)?.ip)
  }

  test.each(Object.entries(clients))(
    'a row has the address of its client, even if the client sends false headers: %s',
    async (_, open) => {
      const client = open(proxy)
      const sessions = Array.from({ length: 8 }, () => randomUUID())
      for (const session of sessions) expect(await client.post(session)).toBe(201)
      const falseHeaders = { 'X-Forwarded-For': '198.51.100.1', Forwarded: 'for=198.51.100.9;proto=https' }
      const forged = randomUUID()
      expect(await client.post(forged, falseHeaders)).toBe(201)
      expect(await readAddresses([...sessions, forged])).toEqual(
        [...sessions, forged].map(() => localAddress),
      )
    },
  )

  test('a connection works after more than five idle seconds', async () => {
    const open = [createHttp1Client(proxy), createHttp1Client(proxy), createHttp2Client(proxy)]
    const postAll = () => Promise.all(open.map((client) => client.post(randomUUID())))
    expect(await postAll()).toEqual([201, 201, 201])
    await sleep(6_000)
    expect(await postAll()).toEqual([201, 201, 201])
  })

  test('no report fails or is lost while the collectors restart one after the other', async () => {
    const open = [
      ...Array.from({ length: 6 }, () => createHttp1Client(proxy)),
      createHttp2Client(proxy),
      createHttp2Client(proxy),
    ]
    const posted = new Map<string, number>()
    let isStopped = false
    const load = open.map(async (client) => {
      while (!isStopped) {
        const session = randomUUID()
        posted.set(session, await client.post(session))
        await sleep(10)
      }
    })
    const restartCollectors = async () => {
      await sleep(500)
      for (const collector of [...collectors, ...collectors]) {
        await collector.stop()
        await collector.start()
        await sleep(1_500)
      }
    }
    await restartCollectors().finally(() => {
      isStopped = true
    })
    await Promise.all(load)
    expect(posted.size).toBeGreaterThan(500)
    // 200 if the first attempt was recorded, but its response was lost.
    expect([...posted].filter(([, status]) => status !== 201 && status !== 200)).toEqual([])
    const stored = new Set((await database.readRows()).map((row) => row.session_key))
    expect([...posted.keys()].filter((session) => !stored.has(session))).toEqual([])
  })
})
