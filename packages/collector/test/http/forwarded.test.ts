import { randomUUID } from 'node:crypto'
import { request } from 'node:http'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createReport, type InProcessCollector, origin } from '../support/collector.ts'
import { createTrustingCollector, site } from '../support/trustingCollector.ts'

/** Header lines, which are sent unchanged. `fetch` would join or refuse some of them. */
type Lines = readonly (readonly [name: string, value: string])[]

async function recordAddress(collector: InProcessCollector, lines: Lines): Promise<unknown> {
  const session = randomUUID()
  const status = await send(collector, lines, JSON.stringify(createReport({ session })))
  expect(status, JSON.stringify(lines)).toBe(201)
  const rows = await collector.database.readRows()
  return rows.find((row) => row.session_key === session)?.ip
}

function send(collector: InProcessCollector, lines: Lines, body: string): Promise<number | undefined> {
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

const createForwardedFor = (...values: readonly string[]): Lines =>
  values.map((value) => ['X-Forwarded-For', value] as const)
const createForwarded = (...values: readonly string[]): Lines =>
  values.map((value) => ['Forwarded', value] as const)

describe('The client address behind a trusted proxy', () => {
  let collector: InProcessCollector
  beforeAll(async () => {
    collector = await createTrustingCollector()
  })
  afterAll(() => collector.end())

  test.each<[lines: Lines, address: string | null]>([
    [createForwardedFor('203.0.113.7'), '203.0.113.7'],
    [createForwardedFor('203.0.113.7:52341'), '203.0.113.7'],
    [createForwardedFor('203.000.113.007'), '203.0.113.7'],
    [createForwardedFor('[2001:db8::7]:443'), '2001:db8::7'],
    [createForwardedFor('[2001:db8::7]'), '2001:db8::7'],
    [createForwardedFor('2001:DB8:0:0:0:0:0:7'), '2001:db8::7'],
    [createForwardedFor('2001:db8:0:0:0:0:0:7:443'), '2001:db8::7'],
    [createForwardedFor('fe80::7%eth0'), 'fe80::7'],
    [createForwardedFor('::ffff:203.0.113.7'), '203.0.113.7'],
    [createForwardedFor('[::ffff:cb00:7107]:443'), '203.0.113.7'],
    [createForwardedFor('  203.0.113.7\t'), '203.0.113.7'],
    [createForwardedFor('198.51.100.1, 203.0.113.7, 10.0.0.1'), '203.0.113.7'],
    [createForwardedFor('203.0.113.7:1, 10.0.0.1:2, [2001:db8:ffff::1]:3'), '203.0.113.7'],
    [createForwardedFor('198.51.100.1', '203.0.113.7, , 10.0.0.1', ''), '203.0.113.7'],
    [createForwardedFor('10.0.0.2, 10.0.0.1'), '10.0.0.2'],
    [createForwardedFor(', ,'), '127.0.0.1'],
    // The nearest proxy does not know the client, so the addresses before are not trustworthy.
    [createForwardedFor('203.0.113.7, unknown'), null],
    [createForwardedFor('203.0.113.7, _hidden, 10.0.0.1'), null],
    [createForwardedFor('203.0.113.7, 1'), null],
    [createForwardedFor('203.0.113.7, 0x7f.1'), null],
    [createForwardedFor('203.0.113.7, 300.1.1.1'), null],
    [createForwardedFor('"203.0.113.7'), null],
    [createForwarded('for=203.0.113.7'), '203.0.113.7'],
    [createForwarded('For="203.0.113.7:47011"'), '203.0.113.7'],
    [createForwarded('for="[2001:db8:cafe::17]:4711";proto=https;host=lapse.acme.com'), '2001:db8:cafe::17'],
    [createForwarded('proto=https;by=10.0.0.1;FOR="[2001:DB8::7]"'), '2001:db8::7'],
    [createForwarded('for="[::ffff:203.0.113.7]:_port"'), '203.0.113.7'],
    [createForwarded('for=198.51.100.1, for=203.0.113.7 ; proto=http , for=10.0.0.1'), '203.0.113.7'],
    [
      createForwarded('for=198.51.100.1', 'for=203.0.113.7', 'for=10.0.0.1;by="a,b;c=\\"d\\""'),
      '203.0.113.7',
    ],
    [createForwarded('for="203.0.113\\.7"'), '203.0.113.7'],
    [createForwarded('for=203.0.113.7;'), '203.0.113.7'],
    // An open quotation mark from the client does not hide what the proxy appended.
    [createForwarded('for="198.51.100.1, for=203.0.113.7'), '203.0.113.7'],
    [createForwarded('for=198.51.100.1;by="\\, for="203.0.113.7:1"'), '203.0.113.7'],
    [createForwarded('for=203.0.113.7, for=unknown'), null],
    [createForwarded('for=203.0.113.7, for=_SEVKISEK'), null],
    [createForwarded('for=203.0.113.7, proto=https'), null],
    [createForwarded('for=203.0.113.7;for=198.51.100.1'), null],
    [createForwarded('for=203.0.113.7;=;'), null],
    [createForwarded('banana'), null],
    [createForwarded(''), '127.0.0.1'],
    [[['X-Real-IP', '203.0.113.7']], '127.0.0.1'],
  ])('with the headers %j is %j', async (lines, address) => {
    expect(await recordAddress(collector, lines)).toBe(address)
  })

  test('comes from X-Forwarded-For if both headers are present, and a conflict is logged once', async () => {
    const own = await createTrustingCollector()
    onTestFinished(own.end)
    const readConflicts = () => own.logLines.filter((line) => line.includes('forwardedHeader'))
    const agreeing = [...createForwardedFor('203.0.113.7'), ...createForwarded('for=203.0.113.7')]
    expect(await recordAddress(own, agreeing)).toBe('203.0.113.7')
    expect(readConflicts()).toEqual([])
    const conflicting = [...createForwardedFor('203.0.113.7'), ...createForwarded('for=198.51.100.1')]
    for (let request = 0; request < 2; request++)
      expect(await recordAddress(own, conflicting)).toBe('203.0.113.7')
    expect(readConflicts()).toHaveLength(1)
  })

  test.each([
    ['X-Forwarded-For', createForwardedFor('203.0.113.7'), createForwarded('for=198.51.100.1;proto=https')],
    ['Forwarded', createForwarded('for=203.0.113.7'), createForwardedFor('198.51.100.1')],
  ] as const)(
    'cannot be forged with the other header if forwardedHeader is %s',
    async (forwardedHeader, written, invented) => {
      const pinned = await createTrustingCollector({ forwardedHeader })
      onTestFinished(pinned.end)
      expect(await recordAddress(pinned, [...invented, ...written])).toBe('203.0.113.7')
      expect(await recordAddress(pinned, invented)).toBe('127.0.0.1')
    },
  )

  test('is neither stored nor logged if the site keeps no addresses', async () => {
    const anonymous = await createTrustingCollector({ sites: { acme: { ...site, ip: 'none' } } })
    onTestFinished(anonymous.end)
    expect(await recordAddress(anonymous, createForwardedFor('203.0.113.7'))).toBeNull()
    expect(JSON.stringify(await anonymous.database.readRows())).not.toContain('203.0.113')
    expect(anonymous.logLines.join('')).not.toContain('203.0.113')
  })

  test('is the address of the socket if the proxy is not trusted', async () => {
    const untrusting = await createTrustingCollector({ trustProxy: ['10.0.0.0/8'] })
    onTestFinished(untrusting.end)
    const lines = [...createForwardedFor('203.0.113.7'), ...createForwarded('for=203.0.113.7')]
    expect(await recordAddress(untrusting, lines)).toBe('127.0.0.1')
  })
})

describe('The scheme of a request', () => {
  const readScheme = async (collector: InProcessCollector, headers: Readonly<Record<string, string>>) => {
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
  ])('with the headers %j is %s', async (headers, scheme) => {
    const collector = await createTrustingCollector()
    onTestFinished(collector.end)
    expect(await readScheme(collector, headers)).toBe(scheme)
  })

  test('is not read from the other header if forwardedHeader is set, nor from an untrusted proxy', async () => {
    const pinned = await createTrustingCollector({ forwardedHeader: 'Forwarded' })
    onTestFinished(pinned.end)
    expect(await readScheme(pinned, { 'X-Forwarded-Proto': 'https' })).toBe('http')
    const stranger = await createTrustingCollector({ trustProxy: [] })
    onTestFinished(stranger.end)
    expect(await readScheme(stranger, { Forwarded: 'for=203.0.113.7;proto=https' })).toBe('http')
  })
})
