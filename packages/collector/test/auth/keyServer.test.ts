import { describe, expect, test } from 'vitest'
import { advanceMonotonicClock, setWallClock } from '../support/clock.ts'
import { createReport } from '../support/collector.ts'
import {
  type Answer,
  answerJson,
  createKeyPair,
  createKeySetCollector,
  measureLongestStall,
  reportWithTicket,
  startKeyServer,
} from '../support/keyServer.ts'

const dayMs = 86_400_000

describe('A key server', () => {
  const html = '<!doctype html><title>Sign in</title>'
  const redirect: Answer = (response) => response.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end()
  const endless: Answer = (response) => {
    response.writeHead(200, { 'Content-Type': 'application/json' })
    const chunk = Buffer.alloc(16 * 1024, ' ')
    const writeMore = () => {
      if (!response.destroyed) response.write(chunk, writeMore)
    }
    writeMore()
  }
  const slow: Answer = (response) => {
    response.writeHead(200, { 'Content-Type': 'application/json' }).write('{"keys":[')
    const timer = setInterval(() => response.write(' '), 100)
    response.on('close', () => clearInterval(timer))
  }
  const createManyKeys = () => {
    const key = { kty: 'EC', crv: 'P-256', x: 'a'.repeat(43), y: 'b'.repeat(43) }
    return answerJson({ keys: Array.from({ length: 20_000 }, () => key) })
  }

  test.each<[string, Answer, number?]>([
    ['serves 20,000 keys', createManyKeys()],
    ['serves 101 keys', answerJson({ keys: Array.from({ length: 101 }, () => ({ kty: 'EC' })) })],
    ['never ends its answer', endless],
    ['sends a byte now and then', slow],
    ['redirects to another host', redirect],
    ['answers with invalid JSON', (response) => response.end('{"keys":[')],
    ['answers with deeply nested JSON', (response) => response.end('['.repeat(200_000))],
    ['answers with a sign-in page', (response) => response.setHeader('Content-Type', 'text/html').end(html)],
    ['answers with another document', answerJson({ issuer: 'https://app.acme.com' })],
    [
      'serves only keys that are broken',
      answerJson({ keys: [null, 1, {}, { kty: 'EC', crv: 'P-256', x: 1 }] }),
    ],
    ['answers with 500', (response) => response.writeHead(500).end('down')],
    ['hangs up', (response) => response.destroy(), 20],
  ])(
    'A key server that %s causes a 503 for its own site and affects no other site',
    async (_, answer, maxRequests = 1) => {
      const server = await startKeyServer(answer)
      const collector = await createKeySetCollector(server.url)
      const { sign } = await createKeyPair('one')
      const ticket = await sign()
      const stall = await measureLongestStall(async () => {
        const remote = Promise.all(Array.from({ length: 20 }, () => reportWithTicket(collector, ticket)))
        const others = await Promise.all(Array.from({ length: 20 }, () => collector.post(createReport())))
        expect(new Set(others.map(({ status }) => status))).toEqual(new Set([201]))
        for (const { status, text, ms } of await remote) {
          expect(status).toBe(503)
          expect(JSON.parse(text).detail).toMatch('The ticket keys of site "remote" could not be fetched')
          expect(ms).toBeLessThan(4_000)
        }
      })
      expect(stall).toBeLessThan(500)
      expect(server.requests.length).toBeLessThanOrEqual(maxRequests)
    },
  )

  test('A server with unusable answers is asked again after 10 seconds, not for each ticket', async () => {
    const { jwk, sign } = await createKeyPair('one')
    const server = await startKeyServer(answerJson({ keys: 'none' }))
    const collector = await createKeySetCollector(server.url)
    const ticket = await sign()
    for (let count = 0; count < 5; count++)
      expect((await reportWithTicket(collector, ticket)).status).toBe(503)
    expect(server.requests).toHaveLength(1)
    server.answer = answerJson({ keys: [jwk] })
    advanceMonotonicClock(11_000)
    expect((await reportWithTicket(collector, ticket)).status).toBe(201)
  })

  test('Six hanging servers delay a ticket no longer than one, and do not delay the next ticket', async () => {
    const silent: Answer = () => {}
    const servers = await Promise.all(Array.from({ length: 6 }, () => startKeyServer(silent)))
    const collector = await createKeySetCollector(servers.map(({ url }) => url))
    const ticket = await (await createKeyPair('one')).sign()
    const [first, next] = [
      await reportWithTicket(collector, ticket),
      await reportWithTicket(collector, ticket),
    ]
    expect({ first: first.status, next: next.status }).toEqual({ first: 503, next: 503 })
    expect(first.ms).toBeLessThan(4_000)
    expect(next.ms).toBeLessThan(1_000)
  })

  test('A server that closes the connection late is not asked again immediately', async () => {
    const server = await startKeyServer((response) => void setTimeout(() => response.destroy(), 1_000))
    const collector = await createKeySetCollector(server.url)
    const ticket = await (await createKeyPair('one')).sign()
    for (let count = 0; count < 3; count++)
      expect((await reportWithTicket(collector, ticket)).status).toBe(503)
    expect(server.requests).toHaveLength(1)
  })

  test('A hanging server does not delay a ticket that is signed with a key of another server', async () => {
    const { jwk, sign } = await createKeyPair('one')
    const [hanging, good] = [
      await startKeyServer(() => {}),
      await startKeyServer(answerJson({ keys: [jwk] })),
    ]
    const collector = await createKeySetCollector([hanging.url, good.url])
    const { status, ms } = await reportWithTicket(collector, await sign())
    expect(status).toBe(201)
    expect(ms).toBeLessThan(2_000)
  })

  test('The server is asked again after its pause, even if the clock is set back by a year', async () => {
    const { jwk, sign } = await createKeyPair('one')
    const server = await startKeyServer(answerJson({ keys: 'none' }))
    const collector = await createKeySetCollector(server.url)
    expect((await reportWithTicket(collector, await sign())).status).toBe(503)
    server.answer = answerJson({ keys: [jwk] })
    setWallClock(-365 * dayMs)
    advanceMonotonicClock(11_000)
    expect((await reportWithTicket(collector, await sign())).status).toBe(201)
  })

  test('New keys are fetched even if the clock is set back by a year', async () => {
    const [older, newer] = [await createKeyPair('older'), await createKeyPair('newer')]
    const server = await startKeyServer(answerJson({ keys: [older.jwk] }))
    const collector = await createKeySetCollector(server.url)
    expect((await reportWithTicket(collector, await older.sign())).status).toBe(201)
    setWallClock(-365 * dayMs)
    server.answer = answerJson({ keys: [newer.jwk] })
    advanceMonotonicClock(31_000)
    expect((await reportWithTicket(collector, await newer.sign())).status).toBe(201)
    server.answer = answerJson({ keys: [] })
    advanceMonotonicClock(12 * 60_000)
    expect((await reportWithTicket(collector, await newer.sign())).status).toBe(401)
  })

  test('Fetched keys remain valid when the server starts to give unusable answers', async () => {
    const { jwk, sign } = await createKeyPair('one')
    const server = await startKeyServer(answerJson({ keys: [jwk] }))
    const collector = await createKeySetCollector(server.url)
    expect((await reportWithTicket(collector, await sign())).status).toBe(201)
    server.answer = createManyKeys()
    advanceMonotonicClock(11 * 60_000)
    expect((await reportWithTicket(collector, await sign())).status).toBe(201)
    expect(server.requests).toHaveLength(2)
  })
})
