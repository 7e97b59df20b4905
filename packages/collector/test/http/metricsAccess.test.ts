import { request } from 'node:http'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type InProcessCollector, issueToken, origin } from '../support/collector.ts'
import { createTrustingCollector } from '../support/trustingCollector.ts'

function getWithHost(collector: InProcessCollector, host: string): Promise<number | undefined> {
  const { port, hostname } = new URL(collector.url)
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, path: '/metrics', headers: { Host: host } })
    outgoing.on('error', reject).on('response', (response) => {
      response.resume().on('end', () => resolve(response.statusCode))
    })
    outgoing.end()
  })
}

describe('/metrics without a token', () => {
  const fetchStatus = async (collector: InProcessCollector, headers: Readonly<Record<string, string>>) =>
    (await fetch(`${collector.url}/metrics`, { headers })).status

  test.each<[headers: Record<string, string>, status: number]>([
    [{}, 200],
    [{ 'X-Forwarded-For': '127.0.0.1' }, 200],
    [{ Forwarded: 'for="[::1]:9090"' }, 200],
    [{ 'X-Forwarded-For': '203.0.113.7' }, 401],
    [{ 'X-Forwarded-For': '127.0.0.1, 203.0.113.7' }, 401],
    // A client in a trusted network can invent anything before its own address.
    [{ 'X-Forwarded-For': '127.0.0.1, 10.0.0.5' }, 401],
    [{ 'X-Forwarded-For': 'unknown' }, 401],
    [{ Forwarded: 'for=_hidden' }, 401],
    [{ Forwarded: 'banana' }, 401],
    // None of these headers identifies the client.
    [{ 'X-Real-IP': '127.0.0.1' }, 401],
    [{ Via: '1.1 proxy' }, 401],
    [{ 'X-Forwarded-Host': 'lapse.acme.com' }, 401],
    [{ 'X-Forwarded-Proto': 'https' }, 401],
    [{ 'CF-Connecting-IP': '127.0.0.1' }, 401],
    [{ 'True-Client-IP': '127.0.0.1' }, 401],
    [{ 'X-Client-IP': '127.0.0.1' }, 401],
    [{ 'X-Forwarded-For': ' , ' }, 401],
    [{ Forwarded: ',' }, 401],
    [{ Forwarded: 'proto=https' }, 401],
    // The client may have invented one of two headers.
    [{ 'X-Forwarded-For': '127.0.0.1', Forwarded: 'for=203.0.113.7' }, 401],
    [{ 'X-Forwarded-For': '203.0.113.7', Forwarded: 'for=127.0.0.1' }, 401],
    [{ 'X-Forwarded-For': '127.0.0.1', Forwarded: 'banana' }, 401],
    [{ 'X-Forwarded-For': '127.0.0.1', 'X-Real-IP': '203.0.113.7' }, 401],
    [{ 'X-Forwarded-For': '127.0.0.1', Forwarded: 'for=127.0.0.1;proto=https' }, 200],
    [{ 'X-Forwarded-For': '127.0.0.1', 'X-Real-IP': '127.0.0.1', Via: '1.1 proxy' }, 200],
  ])('through a trusted local proxy, with the headers %j, answers %i', async (headers, status) => {
    const collector = await createTrustingCollector()
    onTestFinished(collector.end)
    expect(await fetchStatus(collector, headers)).toBe(status)
  })

  test.each<[headers: Record<string, string>, status: number]>([
    [{ Forwarded: 'for=127.0.0.1' }, 200],
    [{ 'X-Forwarded-For': '127.0.0.1' }, 401],
    [{ Forwarded: 'for=127.0.0.1', 'X-Forwarded-For': '203.0.113.7' }, 401],
  ])(
    'through a trusted local proxy that writes Forwarded, with the headers %j, answers %i',
    async (headers, status) => {
      const collector = await createTrustingCollector({ forwardedHeader: 'Forwarded' })
      onTestFinished(collector.end)
      expect(await fetchStatus(collector, headers)).toBe(status)
    },
  )

  test.each<[host: string, status: number]>([
    ['localhost', 200],
    ['LOCALHOST:4780', 200],
    ['127.0.0.1:4780', 200],
    ['127.8.9.10', 200],
    ['[::1]:4780', 200],
    ['[::ffff:127.0.0.1]', 200],
    ['rebound.example.com', 401],
    ['rebound.example.com:4780', 401],
    ['localhost.example.com', 401],
    ['127.0.0.1.example.com', 401],
    ['localhost@example.com', 401],
    ['192.0.2.7', 401],
  ])('with the Host %j answers %i', async (host, status) => {
    const collector = await createTrustingCollector({ trustProxy: [] })
    onTestFinished(collector.end)
    expect(await getWithHost(collector, host)).toBe(status)
  })

  test('answers requests whose Host is the configured host', async () => {
    const collector = await createTrustingCollector({ listen: { host: '0.0.0.0', port: 0 } })
    onTestFinished(collector.end)
    expect(await getWithHost(collector, '0.0.0.0:4780')).toBe(200)
    expect(await getWithHost(collector, '192.0.2.7:4780')).toBe(401)
  })

  test('cannot be read by pages, not even those of an audited site', async () => {
    const collector = await createTrustingCollector()
    onTestFinished(collector.end)
    const { token } = await issueToken(collector.store)
    for (const headers of [{ Origin: origin }, { Origin: origin, Authorization: `Bearer ${token}` }]) {
      for (const path of ['/metrics', '/metrics/', '/Metrics']) {
        const response = await fetch(`${collector.url}${path}`, { headers })
        expect(response.headers.get('Access-Control-Allow-Origin')).toBeNull()
        expect(response.status).toBe('Authorization' in headers ? 200 : 401)
      }
    }
  })

  test.each([
    'Forwarded',
    'X-Forwarded-For',
    'X-Forwarded-Host',
    'X-Forwarded-Proto',
    'X-Real-IP',
    'X-Client-IP',
    'True-Client-IP',
    'CF-Connecting-IP',
    'Via',
  ])('answers 401 through an untrusted proxy, which the header %s reveals', async (name) => {
    const collector = await createTrustingCollector({ trustProxy: [] })
    onTestFinished(collector.end)
    expect(await fetchStatus(collector, { [name]: '127.0.0.1' })).toBe(401)
  })
})
