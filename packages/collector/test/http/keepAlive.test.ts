import { once } from 'node:events'
import { Agent, type ClientRequest, request } from 'node:http'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { parseConfig } from '../../src/index.ts'
import { createCollector, createConfig, createReport, environment, origin } from '../support/collector.ts'

const sqlite = { name: 'SQLite' }

/** Posts a report with an agent. `isReused` says whether it used an existing connection. */
async function post(agent: Agent, url: string) {
  const body = JSON.stringify(createReport())
  const headers = { Origin: origin, 'Content-Type': 'text/plain', 'Content-Length': Buffer.byteLength(body) }
  const outgoing: ClientRequest = request(`${url}/v1/lapses`, { agent, method: 'POST', headers })
  outgoing.end(body)
  const [response] = await once(outgoing, 'response')
  await response.resume().toArray()
  return {
    status: response.statusCode,
    isReused: outgoing.reusedSocket,
    keepAlive: response.headers['keep-alive'],
  }
}

function createAgent(): Agent {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  onTestFinished(() => agent.destroy())
  return agent
}

describe('An idle connection', () => {
  test('stays open for longer than any other timeout', async () => {
    const collector = await createCollector(sqlite)
    onTestFinished(collector.end)
    const agent = createAgent()
    expect(await post(agent, collector.url)).toMatchObject({ status: 201, keepAlive: 'timeout=75' })
    // Longer than the timeouts of headers (5 s) and requests (10 s), which start with a request.
    await sleep(12_000)
    expect(await post(agent, collector.url)).toMatchObject({ status: 201, isReused: true })
  })

  test('is closed after listen.keepAliveSeconds', async () => {
    const collector = await createCollector(sqlite, { listen: { port: 0, keepAliveSeconds: 1 } })
    onTestFinished(collector.end)
    const agent = createAgent()
    expect(await post(agent, collector.url)).toMatchObject({ keepAlive: 'timeout=1' })
    await sleep(4_000)
    expect(await post(agent, collector.url)).toMatchObject({ status: 201, isReused: false })
  })

  test('does not delay the shutdown of the collector', async () => {
    const collector = await createCollector(sqlite)
    onTestFinished(collector.end)
    const agent = createAgent()
    await post(agent, collector.url)
    const startedAt = performance.now()
    await collector.close()
    expect(performance.now() - startedAt).toBeLessThan(3_000)
  })

  test('is closed if its second request does not arrive completely', async () => {
    const collector = await createCollector(sqlite)
    onTestFinished(collector.end)
    const socket = connect(Number(new URL(collector.url).port), '127.0.0.1')
    onTestFinished(() => void socket.destroy())
    socket.setEncoding('utf8')
    socket.write('GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
    expect(String(await once(socket, 'data'))).toMatch('200 OK')
    socket.write('GET /healthz HTTP/1.1\r\n')
    const startedAt = performance.now()
    let answer = ''
    for await (const chunk of socket) answer += chunk
    expect(answer).toMatch('408 Request Timeout')
    expect(performance.now() - startedAt).toBeLessThan(8_000)
  })
})

test.each([0, -1, 1.5, 3601, '75', null])('listen.keepAliveSeconds cannot be %j', (keepAliveSeconds) => {
  const listen = JSON.parse(JSON.stringify({ keepAliveSeconds }))
  expect(() => parseConfig(createConfig('sqlite:unused', { listen }), environment)).toThrow(
    'listen.keepAliveSeconds: must be',
  )
})
