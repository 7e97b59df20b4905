import { randomUUID } from 'node:crypto'
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import type { ConfigInput } from '../src/index.ts'
import { parseConfig } from '../src/index.ts'
import {
  createCollector,
  environment,
  eventOf,
  issueToken,
  origin,
  type TestCollector,
  writtenConfig,
} from './collector.ts'

const site = { origins: [origin], idleTimeoutSeconds: 1800, ip: 'full' as const }

function createTrusting(changes: Partial<ConfigInput> = {}): Promise<TestCollector> {
  const trustProxy = ['127.0.0.1', '10.0.0.0/8', '2001:db8:ffff::/48']
  return createCollector({ name: 'SQLite' }, { trustProxy, sites: { acme: site }, ...changes })
}

/** The lines of the request's headers, each as it is; `fetch` would join or refuse some of them. */
type Lines = readonly (readonly [name: string, value: string])[]

async function addressFor(collector: TestCollector, lines: Lines): Promise<unknown> {
  const session = randomUUID()
  const status = await send(collector, lines, JSON.stringify(eventOf({ session })))
  expect([lines, status]).toEqual([lines, 201])
  const rows = await collector.database.rows()
  return rows.find((row) => row.session_key === session)?.ip
}

function send(collector: TestCollector, lines: Lines, body: string): Promise<number | undefined> {
  const { host, port, hostname } = new URL(collector.url)
  const headers = ['Host', host, 'Origin', origin, 'Content-Type', 'text/plain', ...lines.flat()]
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, method: 'POST', path: '/v1/lapses', headers })
    outgoing.on('error', reject).on('response', (response) => {
      response.resume().on('end', () => resolve(response.statusCode))
    })
    outgoing.end(body)
  })
}

function getWithHost(collector: TestCollector, host: string): Promise<number | undefined> {
  const { port, hostname } = new URL(collector.url)
  return new Promise((resolve, reject) => {
    const outgoing = request({ hostname, port, path: '/metrics', headers: { Host: host } })
    outgoing.on('error', reject).on('response', (response) => {
      response.resume().on('end', () => resolve(response.statusCode))
    })
    outgoing.end()
  })
}

const forwardedFor = (...values: readonly string[]): Lines =>
  values.map((value) => ['X-Forwarded-For', value] as const)
const forwarded = (...values: readonly string[]): Lines =>
  values.map((value) => ['Forwarded', value] as const)

describe('the address in a row, behind a trusted proxy', () => {
  let collector: TestCollector
  beforeAll(async () => {
    collector = await createTrusting()
  })
  afterAll(() => collector.end())

  test.each<[lines: Lines, address: string | null]>([
    [forwardedFor('203.0.113.7'), '203.0.113.7'],
    [forwardedFor('203.0.113.7:52341'), '203.0.113.7'],
    [forwardedFor('203.000.113.007'), '203.0.113.7'],
    [forwardedFor('[2001:db8::7]:443'), '2001:db8::7'],
    [forwardedFor('[2001:db8::7]'), '2001:db8::7'],
    [forwardedFor('2001:DB8:0:0:0:0:0:7'), '2001:db8::7'],
    [forwardedFor('2001:db8:0:0:0:0:0:7:443'), '2001:db8::7'],
    [forwardedFor('fe80::7%eth0'), 'fe80::7'],
    [forwardedFor('::ffff:203.0.113.7'), '203.0.113.7'],
    [forwardedFor('[::ffff:cb00:7107]:443'), '203.0.113.7'],
    [forwardedFor('  203.0.113.7\t'), '203.0.113.7'],
    [forwardedFor('198.51.100.1, 203.0.113.7, 10.0.0.1'), '203.0.113.7'],
    [forwardedFor('203.0.113.7:1, 10.0.0.1:2, [2001:db8:ffff::1]:3'), '203.0.113.7'],
    [forwardedFor('198.51.100.1', '203.0.113.7, , 10.0.0.1', ''), '203.0.113.7'],
    [forwardedFor('10.0.0.2, 10.0.0.1'), '10.0.0.2'],
    [forwardedFor(', ,'), '127.0.0.1'],
    // The nearest proxy does not know it: what stands before that is anyone's word.
    [forwardedFor('203.0.113.7, unknown'), null],
    [forwardedFor('203.0.113.7, _hidden, 10.0.0.1'), null],
    [forwardedFor('203.0.113.7, 1'), null],
    [forwardedFor('203.0.113.7, 0x7f.1'), null],
    [forwardedFor('203.0.113.7, 300.1.1.1'), null],
    [forwardedFor('"203.0.113.7'), null],
    [forwarded('for=203.0.113.7'), '203.0.113.7'],
    [forwarded('For="203.0.113.7:47011"'), '203.0.113.7'],
    [forwarded('for="[2001:db8:cafe::17]:4711";proto=https;host=lapse.acme.com'), '2001:db8:cafe::17'],
    [forwarded('proto=https;by=10.0.0.1;FOR="[2001:DB8::7]"'), '2001:db8::7'],
    [forwarded('for="[::ffff:203.0.113.7]:_port"'), '203.0.113.7'],
    [forwarded('for=198.51.100.1, for=203.0.113.7 ; proto=http , for=10.0.0.1'), '203.0.113.7'],
    [forwarded('for=198.51.100.1', 'for=203.0.113.7', 'for=10.0.0.1;by="a,b;c=\\"d\\""'), '203.0.113.7'],
    [forwarded('for="203.0.113\\.7"'), '203.0.113.7'],
    [forwarded('for=203.0.113.7;'), '203.0.113.7'],
    // A quote that the client left open takes nothing away from what the proxy wrote behind it.
    [forwarded('for="198.51.100.1, for=203.0.113.7'), '203.0.113.7'],
    [forwarded('for=198.51.100.1;by="\\, for="203.0.113.7:1"'), '203.0.113.7'],
    [forwarded('for=203.0.113.7, for=unknown'), null],
    [forwarded('for=203.0.113.7, for=_SEVKISEK'), null],
    [forwarded('for=203.0.113.7, proto=https'), null],
    [forwarded('for=203.0.113.7;for=198.51.100.1'), null],
    [forwarded('for=203.0.113.7;=;'), null],
    [forwarded('banana'), null],
    [forwarded(''), '127.0.0.1'],
    [[['X-Real-IP', '203.0.113.7']], '127.0.0.1'],
  ])('of %j is %j', async (lines, address) => {
    expect(await addressFor(collector, lines)).toBe(address)
  })

  test('is that of X-Forwarded-For where both are there, and a conflict is logged once', async () => {
    const own = await createTrusting()
    onTestFinished(own.end)
    const conflicts = () => own.logLines.filter((line) => line.includes('forwardedHeader'))
    const agreeing = [...forwardedFor('203.0.113.7'), ...forwarded('for=203.0.113.7')]
    expect(await addressFor(own, agreeing)).toBe('203.0.113.7')
    expect(conflicts()).toEqual([])
    const conflicting = [...forwardedFor('203.0.113.7'), ...forwarded('for=198.51.100.1')]
    for (let request = 0; request < 2; request++)
      expect(await addressFor(own, conflicting)).toBe('203.0.113.7')
    expect(conflicts()).toHaveLength(1)
  })

  test.each([
    ['X-Forwarded-For', forwardedFor('203.0.113.7'), forwarded('for=198.51.100.1;proto=https')],
    ['Forwarded', forwarded('for=203.0.113.7'), forwardedFor('198.51.100.1')],
  ] as const)(
    'cannot be chosen by a client that adds the header which the proxy does not write, when it is pinned to %s',
    async (forwardedHeader, written, invented) => {
      const pinned = await createTrusting({ forwardedHeader })
      onTestFinished(pinned.end)
      expect(await addressFor(pinned, [...invented, ...written])).toBe('203.0.113.7')
      expect(await addressFor(pinned, invented)).toBe('127.0.0.1')
    },
  )

  test('is kept nowhere, neither in the row nor in the log, where the site keeps none', async () => {
    const discreet = await createTrusting({ sites: { acme: { ...site, ip: 'none' } } })
    onTestFinished(discreet.end)
    expect(await addressFor(discreet, forwardedFor('203.0.113.7'))).toBeNull()
    expect(JSON.stringify(await discreet.database.rows())).not.toContain('203.0.113')
    expect(discreet.logLines.join('')).not.toContain('203.0.113')
  })

  test('is that of the socket where the proxy is not trusted', async () => {
    const distrusting = await createTrusting({ trustProxy: ['10.0.0.0/8'] })
    onTestFinished(distrusting.end)
    const lines = [...forwardedFor('203.0.113.7'), ...forwarded('for=203.0.113.7')]
    expect(await addressFor(distrusting, lines)).toBe('127.0.0.1')
  })
})

describe('the scheme that a client used', () => {
  const schemeOf = async (collector: TestCollector, headers: Readonly<Record<string, string>>) => {
    const page = await (await fetch(`${collector.url}/tag?site=acme`, { headers })).text()
    return /(https?):\/\/127/.exec(page)?.[1]
  }

  test.each<[headers: Record<string, string>, scheme: string]>([
    [{ 'X-Forwarded-Proto': 'https' }, 'https'],
    [{ 'X-Forwarded-Proto': 'HTTPS, http' }, 'https'],
    [{ 'X-Forwarded-Proto': 'http' }, 'http'],
    [{ 'X-Forwarded-Proto': 'javascript' }, 'http'],
    [{ Forwarded: 'for=203.0.113.7;proto=https' }, 'https'],
    [{ Forwarded: 'For=203.0.113.7;Proto="HTTPS"' }, 'https'],
    [{ Forwarded: 'for=203.0.113.7;proto=https, for=10.0.0.1;proto=http' }, 'https'],
    [{ Forwarded: 'for=198.51.100.1;proto=https, for=203.0.113.7;proto=http' }, 'http'],
    [{ 'X-Forwarded-For': '203.0.113.7', Forwarded: 'for=203.0.113.7;proto=https' }, 'http'],
  ])('by %j is %s', async (headers, scheme) => {
    const collector = await createTrusting()
    onTestFinished(collector.end)
    expect(await schemeOf(collector, headers)).toBe(scheme)
  })

  test('is not believed from a header that the proxy does not write, nor from a stranger', async () => {
    const pinned = await createTrusting({ forwardedHeader: 'Forwarded' })
    onTestFinished(pinned.end)
    expect(await schemeOf(pinned, { 'X-Forwarded-Proto': 'https' })).toBe('http')
    const stranger = await createTrusting({ trustProxy: [] })
    onTestFinished(stranger.end)
    expect(await schemeOf(stranger, { Forwarded: 'for=203.0.113.7;proto=https' })).toBe('http')
  })
})

describe('/metrics without a token', () => {
  const statusOf = async (collector: TestCollector, headers: Readonly<Record<string, string>>) =>
    (await fetch(`${collector.url}/metrics`, { headers })).status

  test.each<[headers: Record<string, string>, status: number]>([
    [{}, 200],
    [{ 'X-Forwarded-For': '127.0.0.1' }, 200],
    [{ Forwarded: 'for="[::1]:9090"' }, 200],
    [{ 'X-Forwarded-For': '203.0.113.7' }, 401],
    [{ 'X-Forwarded-For': '127.0.0.1, 203.0.113.7' }, 401],
    // A client within a trusted network may write what it likes before its own address.
    [{ 'X-Forwarded-For': '127.0.0.1, 10.0.0.5' }, 401],
    [{ 'X-Forwarded-For': 'unknown' }, 401],
    [{ Forwarded: 'for=_hidden' }, 401],
    [{ Forwarded: 'banana' }, 401],
    // Nothing says who the client is.
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
    // One of two headers may be the client's invention.
    [{ 'X-Forwarded-For': '127.0.0.1', Forwarded: 'for=203.0.113.7' }, 401],
    [{ 'X-Forwarded-For': '203.0.113.7', Forwarded: 'for=127.0.0.1' }, 401],
    [{ 'X-Forwarded-For': '127.0.0.1', Forwarded: 'banana' }, 401],
    [{ 'X-Forwarded-For': '127.0.0.1', 'X-Real-IP': '203.0.113.7' }, 401],
    [{ 'X-Forwarded-For': '127.0.0.1', Forwarded: 'for=127.0.0.1;proto=https' }, 200],
    [{ 'X-Forwarded-For': '127.0.0.1', 'X-Real-IP': '127.0.0.1', Via: '1.1 proxy' }, 200],
  ])('through a trusted proxy on this machine, with %j: %i', async (headers, status) => {
    const collector = await createTrusting()
    onTestFinished(collector.end)
    expect(await statusOf(collector, headers)).toBe(status)
  })

  test.each<[headers: Record<string, string>, status: number]>([
    [{ Forwarded: 'for=127.0.0.1' }, 200],
    [{ 'X-Forwarded-For': '127.0.0.1' }, 401],
    [{ Forwarded: 'for=127.0.0.1', 'X-Forwarded-For': '203.0.113.7' }, 401],
  ])('through a trusted proxy that writes Forwarded, with %j: %i', async (headers, status) => {
    const collector = await createTrusting({ forwardedHeader: 'Forwarded' })
    onTestFinished(collector.end)
    expect(await statusOf(collector, headers)).toBe(status)
  })

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
  ])('for the Host %j: %i', async (host, status) => {
    const collector = await createTrusting({ trustProxy: [] })
    onTestFinished(collector.end)
    expect(await getWithHost(collector, host)).toBe(status)
  })

  test('is answered by the host that the collector listens on, whatever it is', async () => {
    const collector = await createTrusting({ listen: { host: '0.0.0.0', port: 0 } })
    onTestFinished(collector.end)
    expect(await getWithHost(collector, '0.0.0.0:4780')).toBe(200)
    expect(await getWithHost(collector, '192.0.2.7:4780')).toBe(401)
  })

  test('cannot be read by a page, not even by one of an audited site', async () => {
    const collector = await createTrusting()
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
  ])('is refused through a proxy that is not trusted, which its %s gives away', async (name) => {
    const collector = await createTrusting({ trustProxy: [] })
    onTestFinished(collector.end)
    expect(await statusOf(collector, { [name]: '127.0.0.1' })).toBe(401)
  })
})

test.each(['0.0.0.0/0', '0.0.0.0/00', '10.0.0.0/000', '::/0', '::/00', '::ffff:0:0/96', '::/1', '2000::/3'])(
  'trustProxy cannot be everybody: %s',
  (network) => {
    const config = writtenConfig('sqlite:unused', { trustProxy: [network] })
    expect(() => parseConfig(config, environment)).toThrow('trustProxy.0: would trust everyone')
  },
)

test.each([
  [['0.0.0.0/1', '128.0.0.0/1']],
  [['10.0.0.0/8', '0.0.0.0/2', '64.0.0.0/2', '128.0.0.0/2', '192.0.0.0/2']],
])('trustProxy cannot be everybody in several networks: %j', (trustProxy) => {
  const config = writtenConfig('sqlite:unused', { trustProxy })
  expect(() => parseConfig(config, environment)).toThrow('trustProxy: would trust everyone')
})

test.each([
  '10.0.0.0/33',
  '10.0.0.0/-1',
  '10.0.0.0/',
  '10.0.0.0/8/8',
  '10.0.0/8',
  '::1/129',
  '10.0.0.0/255.0.0.0',
  '',
])('trustProxy says what to write instead of %j', (network) => {
  const config = writtenConfig('sqlite:unused', { trustProxy: [network] })
  expect(() => parseConfig(config, environment)).toThrow('trustProxy.0: must be an IP address or a network')
})

test.each(['10.0.0.0/08', '172.16.0.0/12', '0.0.0.0/1', '::1', 'fd00::/8', '::ffff:10.0.0.0/104'])(
  'trustProxy may be %s',
  (network) => {
    const config = writtenConfig('sqlite:unused', { trustProxy: [network] })
    expect(parseConfig(config, environment).trustProxy).toEqual([network])
  },
)
