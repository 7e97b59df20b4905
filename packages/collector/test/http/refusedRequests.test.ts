import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCollector, createReport, type InProcessCollector, origin } from '../support/collector.ts'
import { exchange } from './hostile/connection.ts'

describe('The collector', () => {
  let collector: InProcessCollector
  beforeAll(async () => {
    collector = await createCollector({ name: 'SQLite' })
  })
  afterAll(() => collector.end())

  const json = { Origin: origin, 'Content-Type': 'application/json' }

  test.each<[status: number, what: string, body: unknown, headers: Record<string, string>]>([
    [400, 'a body that is not JSON', '{"site":', json],
    [400, 'an empty body', '', json],
    [
      403,
      'an origin that the site does not name',
      createReport(),
      { Origin: 'https://app.acme.com.evil.example' },
    ],
    [
      403,
      'an overlong origin',
      createReport({ site: 'lapse' }),
      { Origin: `https://${'a'.repeat(250)}`, 'Sec-Fetch-Site': 'same-origin' },
    ],
    [403, 'an opaque origin', createReport(), { Origin: 'null' }],
    [404, 'an unknown site', createReport({ site: 'nobody' }), json],
    [
      404,
      'a site with the name of a property that all objects have',
      createReport({ site: '__proto__' }),
      json,
    ],
    [413, 'a body of more than 8 KiB', createReport({ padding: 'x'.repeat(8192) }), json],
    [415, 'another media type', createReport(), { Origin: origin, 'Content-Type': 'text/html' }],
    [415, 'a compressed body', createReport(), { ...json, 'Content-Encoding': 'gzip' }],
    [422, 'JSON that is not an object', '[]', json],
    [422, 'a control character in an id', createReport({ subject: 'u\n42' }), json],
    [
      422,
      'half of a surrogate pair',
      JSON.stringify(createReport({ subject: '#' })).replace('#', '\\ud83d'),
      json,
    ],
    [401, 'a report of a server without a token', createReport({ detectedBy: 'server' }), json],
    [401, 'a malformed token', createReport(), { ...json, Authorization: 'Bearer lapse_0' }],
    [
      401,
      'credentials that are not a bearer token',
      createReport(),
      { ...json, Authorization: 'Basic bGFwc2U6' },
    ],
  ])('answers %i with a problem to %s, and writes no row', async (status, _, body, headers) => {
    const response = await collector.post(body, headers)
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(await response.json()).toMatchObject({
      type: expect.stringMatching(/^urn:lapse:problem:[a-z-]+$/),
      title: expect.any(String),
      status,
      detail: expect.any(String),
    })
    expect(await collector.database.readRows()).toEqual([])
  })

  test('names every invalid field in a 422', async () => {
    const response = await collector.post({
      site: 7,
      marker: 'x',
      startedAt: -1,
      lastAccessAt: 1.5,
      detectedBy: 'me',
    })
    const { errors } = await response.json()
    const pointers = errors.map(({ pointer }: { pointer: string }) => pointer)
    const fields = ['site', 'marker', 'startedAt', 'lastAccessAt', 'detectedAt', 'sentAt', 'detectedBy']
    expect(pointers.sort()).toEqual(fields.map((field) => `#/${field}`).sort())
  })

  test('answers 404 to unknown paths and 405 to other methods', async () => {
    expect((await fetch(`${collector.url}/v2/lapses`)).status).toBe(404)
    const response = await fetch(`${collector.url}/v1/lapses`, { method: 'DELETE' })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe('POST, HEAD, GET')
  })

  test('answers 429 with Retry-After beyond the rate limit', async () => {
    const limited = await createCollector({ name: 'SQLite' }, { rateLimit: { requestsPerMinute: 2 } })
    const statuses = []
    for (let request = 0; request < 3; request++) statuses.push((await limited.post(createReport())).status)
    expect(statuses).toEqual([201, 201, 429])
    expect(Number((await limited.post(createReport())).headers.get('retry-after'))).toBeGreaterThan(0)
    await limited.end()
  })

  test('logs no user ids, tickets or client addresses', async () => {
    await collector.post(createReport({ subject: 'u_secret', session: 'alias_secret' }))
    await collector.post(createReport({ ticket: 'ticket_secret' }))
    expect(collector.logLines.join('')).toMatch('idle_timeout')
    expect(collector.logLines.join('')).not.toMatch(/_secret|127\.0\.0\.1"/)
  })
})

describe('An invalid request', () => {
  let collector: InProcessCollector
  beforeAll(async () => {
    collector = await createCollector({ name: 'SQLite' })
  })
  afterAll(() => collector.end())

  const head = 'POST /v1/lapses HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n'
  test.concurrent.each<[status: number, what: string, text: string]>([
    [400, 'data that is not HTTP', '\u0016\u0003\u0001\r\n\r\n'],
    [
      400,
      'a target that is not a URL',
      'GET http://[::1/healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
    ],
    [400, 'two content lengths', `${head}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`],
    [
      400,
      'a content length with chunked encoding',
      `${head}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    ],
    [431, 'too many headers', `${head}X: ${'x'.repeat(20_000)}\r\n\r\n`],
    [408, 'headers that never end', head],
    [408, 'a body that never ends', `${head}Content-Length: 2\r\n\r\n{`],
  ])('gets %i with a problem, and its connection is closed: %s', async (status, _, text) => {
    const port = Number(new URL(collector.url).port)
    const answer = await exchange(port, { bytes: Buffer.from(text, 'latin1'), manner: 'whole' })
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `))
    expect(answer).toMatch(/^Connection: close\r$/m)
    expect(answer).toMatch(/^Content-Type: application\/problem\+json\r$/m)
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toMatchObject({
      status,
      detail: expect.any(String),
    })
  })
})

describe('CORS', () => {
  let collector: InProcessCollector
  beforeAll(async () => {
    collector = await createCollector({ name: 'SQLite' })
  })
  afterAll(() => collector.end())

  test('allows the origins of the sites to read responses, including errors', async () => {
    for (const report of [createReport(), '{']) {
      const response = await collector.post(report)
      expect(response.headers.get('access-control-allow-origin')).toBe(origin)
      expect(response.headers.get('vary')).toMatch(/origin/i)
    }
  })

  test('allows no other origin', async () => {
    const response = await collector.post(createReport(), { Origin: 'https://evil.example' })
    expect(response.headers.get('access-control-allow-origin')).toBeNull()
  })

  test('answers preflight requests', async () => {
    const sendPreflight = (from: string) =>
      fetch(`${collector.url}/v1/lapses`, {
        method: 'OPTIONS',
        headers: {
          Origin: from,
          'Access-Control-Request-Method': 'POST',
          'Access-Control-Request-Headers': 'content-type',
        },
      })
    const response = await sendPreflight(origin)
    expect(response.status).toBe(204)
    expect(response.headers.get('access-control-allow-origin')).toBe(origin)
    expect(response.headers.get('access-control-allow-methods')).toBe('POST')
    expect(response.headers.get('access-control-allow-headers')).toBe('Content-Type')
    const refused = await sendPreflight('https://evil.example')
    expect(refused.headers.get('access-control-allow-origin')).toBeNull()
  })
})
