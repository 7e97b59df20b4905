import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createCollector, createReport, origin } from '../support/collector.ts'

const sqlite = { name: 'SQLite' }

async function connectTo(url: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

const formatGet = (path: string, more = '') => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`

function formatPost(report: unknown): string {
  const body = JSON.stringify(report)
  const head = `POST /v1/lapses HTTP/1.1\r\nHost: x\r\nOrigin: ${origin}\r\nContent-Type: text/plain\r\n`
  return `${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

async function startCollector() {
  const collector = await createCollector(sqlite)
  onTestFinished(collector.end)
  return collector
}

describe('A connection with pipelined requests', () => {
  test('gets ten responses to ten requests, in order', async () => {
    const collector = await startCollector()
    const socket = await connectTo(collector.url)
    const paths = Array.from({ length: 8 }, (_, index) => (index % 2 ? '/healthz' : '/readyz'))
    socket.write(
      [
        ...paths.map((path) => formatGet(path)),
        formatPost(createReport()),
        formatGet('/none', 'Connection: close\r\n'),
      ].join(''),
    )
    const answers = (await text(socket)).split(/(?=HTTP\/1\.1 )/)
    expect(answers.map((answer) => answer.slice(9, 12))).toEqual([...paths.map(() => '200'), '201', '404'])
    expect(answers.slice(0, 8).map((answer) => /"status":"(\w+)"/.exec(answer)?.[1])).toEqual(
      paths.map((path) => (path === '/readyz' ? 'ready' : 'ok')),
    )
  })

  test('may send more requests after reading responses', async () => {
    const collector = await startCollector()
    const socket = await connectTo(collector.url)
    socket.setEncoding('utf8')
    let answers = ''
    socket.on('data', (chunk) => {
      answers += chunk
    })
    const countAnswers = () => answers.match(/HTTP\/1\.1 200/g)?.length
    for (let sent = 16; sent <= 160; sent += 16) {
      socket.write(formatGet('/healthz').repeat(16))
      await expect.poll(countAnswers).toBe(sent)
    }
  })

  test.each(['/readyz', '/healthz', '/none'])(
    'is closed after 16 unanswered requests for %s, without disturbing other clients',
    async (path) => {
      const collector = await startCollector()
      const before = collector.logLines.length
      const floods = Array.from({ length: 5 }, async () => {
        const socket = await connectTo(collector.url)
        // The collector resets the connection when more data arrives.
        socket.on('error', () => {})
        socket.write(formatGet(path).repeat(4_000))
        await new Promise((resolve) => socket.resume().once('close', resolve))
      })
      const probes = Array.from({ length: 10 }, () => fetch(`${collector.url}/readyz`))
      for (const probe of await Promise.all(probes)) expect(probe.status).toBe(200)
      await Promise.all(floods)
      expect((await fetch(`${collector.url}/readyz`)).status).toBe(200)
      const lines = collector.logLines.slice(before).map((line) => JSON.parse(line))
      const dispatched = lines.filter((line) => line.msg === 'request' && line.path === path).length
      expect(dispatched).toBeLessThanOrEqual(5 * 16 + (path === '/readyz' ? 11 : 0))
      expect(lines.filter(({ msg }) => /too many unanswered requests/.test(msg))).toHaveLength(5)
    },
  )
})
