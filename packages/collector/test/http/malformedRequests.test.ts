import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createCollector, createReport, origin } from '../support/collector.ts'

const sqlite = { name: 'SQLite' }

/** Sends raw data, and reads the responses until the connection ends. */
async function exchange(url: string, ...parts: readonly string[]) {
  const socket = connect(Number(new URL(url).port), '127.0.0.1')
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  socket.setEncoding('utf8')
  let answer = ''
  socket.on('data', (chunk) => {
    answer += chunk
  })
  socket.on('error', () => {})
  const closed = new Promise((resolve) => socket.once('close', resolve))
  for (const part of parts) {
    socket.write(part)
    await sleep(300)
  }
  await closed
  return answer.split(/(?=HTTP\/1\.1 \d)/).map((each) => {
    const [head = '', body = ''] = each.split('\r\n\r\n')
    return { status: Number(head.slice(9, 12)), head, body }
  })
}

async function createSqliteCollector() {
  const collector = await createCollector(sqlite)
  onTestFinished(collector.end)
  return collector
}

function formatPost(report: unknown, path = '/v1/lapses'): string {
  const body = JSON.stringify(report)
  const head = `POST ${path} HTTP/1.1\r\nHost: x\r\nOrigin: ${origin}\r\nContent-Type: text/plain\r\n`
  return `${head}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`
}

const listStatuses = (answers: readonly { status: number }[]) => answers.map(({ status }) => status)
const get = 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'
const chunked = 'Host: x\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n'

describe('Data that is not HTTP', () => {
  test('does not affect the response to a report that arrives with it', async () => {
    const collector = await createSqliteCollector()
    const answers = await exchange(collector.url, `${formatPost(createReport())}what is this?\r\n\r\n`)
    expect(listStatuses(answers)).toEqual([201, 400])
    expect(JSON.parse(answers[0]?.body ?? '')).toHaveProperty('reason')
    expect(answers[1]?.head).toMatch('Connection: close')
    expect(await collector.database.readRows()).toHaveLength(1)
  })

  test('does not affect the responses to several earlier requests', async () => {
    const collector = await createSqliteCollector()
    const answers = await exchange(
      collector.url,
      `${get}${formatPost(createReport())}${get}\x00\x00\x00\r\n\r\n`,
    )
    expect(listStatuses(answers)).toEqual([200, 201, 200, 400])
  })

  test('gets one response, no matter how much of it arrives', async () => {
    const collector = await createSqliteCollector()
    const answers = await exchange(collector.url, 'what is this?\r\n\r\n', 'and this?\r\n', get)
    expect(listStatuses(answers)).toEqual([400])
    expect(collector.logLines.filter((line) => line.includes('malformed request'))).toHaveLength(1)
  })

  test('gets one response if it is the body of a report', async () => {
    const collector = await createSqliteCollector()
    const answers = await exchange(collector.url, `${get}POST /v1/lapses HTTP/1.1\r\n${chunked}zz\r\n`)
    expect(listStatuses(answers)).toEqual([200, 400])
  })

  test('gets no second response if it is the body of a request that is already answered', async () => {
    const collector = await createSqliteCollector()
    const answers = await exchange(collector.url, `POST /none HTTP/1.1\r\n${chunked}5\r\nhello\r\n`, 'zz\r\n')
    expect(listStatuses(answers)).toEqual([404])
  })
})

test('An unfinished body gets no second response if its request is already answered', async () => {
  const collector = await createSqliteCollector()
  const answers = await exchange(collector.url, `POST /none HTTP/1.1\r\n${chunked}5\r\nhello\r\n`)
  expect(listStatuses(answers)).toEqual([404])
})

test('An unfinished body gets 408', async () => {
  const collector = await createSqliteCollector()
  const answers = await exchange(collector.url, `POST /v1/lapses HTTP/1.1\r\n${chunked}5\r\nhello\r\n`)
  expect(listStatuses(answers)).toEqual([408])
})

describe('The collector', () => {
  test.each([
    ['a request without Host', 'GET /healthz HTTP/1.1\r\nConnection: close\r\n\r\n', [400]],
    ['CONNECT', 'CONNECT other.example:443 HTTP/1.1\r\nHost: other.example\r\n\r\n', [405]],
    ['CONNECT after another request', `${get}CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n`, [200, 405]],
  ])('answers with a problem to %s', async (_, sent, statuses) => {
    const collector = await createSqliteCollector()
    const answers = await exchange(collector.url, sent)
    expect(listStatuses(answers)).toEqual(statuses)
    const last = answers.at(-1)
    expect(last?.head).toMatch(/content-type: application\/problem\+json/i)
    expect(JSON.parse(last?.body ?? '')).toMatchObject({ status: statuses.at(-1) })
  })

  test('accepts an HTTP/1.0 request without Host', async () => {
    const collector = await createSqliteCollector()
    expect(listStatuses(await exchange(collector.url, 'GET /healthz HTTP/1.0\r\n\r\n'))).toEqual([200])
  })
})
