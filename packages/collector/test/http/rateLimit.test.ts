import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, onTestFinished, test } from 'vitest'
import { RequestCounter } from '../../src/http/middleware/requestCounter.ts'
import {
  createCollector,
  createReport,
  type InProcessCollector,
  issueToken,
  origin,
} from '../support/collector.ts'
import { postSignIn } from '../support/dashboardCookie.ts'
import { addHelpers, createActivity } from '../support/sessionCollector.ts'

async function createLimitedCollector(requestsPerMinute: number): Promise<InProcessCollector> {
  const collector = await createCollector(
    { name: 'SQLite' },
    { rateLimit: { requestsPerMinute }, trustProxy: ['127.0.0.1'] },
  )
  onTestFinished(collector.end)
  return collector
}

const postFrom = async (collector: InProcessCollector, address: string) =>
  (await collector.post(createReport(), { Origin: origin, 'X-Forwarded-For': address })).status

describe('The rate limit', () => {
  test.each([
    [
      'of one IPv4 address',
      [
        '203.0.113.7',
        '203.0.113.7:52341',
        '::ffff:203.0.113.7',
        '[::FFFF:203.0.113.7]:1',
        '::ffff:cb00:7107',
        '0:0:0:0:0:ffff:cb00:7107',
        '203.000.113.007',
        '64:ff9b::203.0.113.7',
      ],
    ],
    [
      'of one IPv6 network',
      [
        '2001:db8:1:2::7',
        '2001:DB8:1:2::7',
        '2001:0db8:0001:0002:0000:0000:0000:0007',
        '[2001:db8:1:2::7]:443',
        '2001:db8:1:2::7%eth0',
        '2001:db8:1:2::8',
        '2001:db8:1:2:ffff:ffff:ffff:ffff',
      ],
    ],
  ])('cannot be evaded by other spellings %s', async (_, spellings) => {
    const collector = await createLimitedCollector(spellings.length - 1)
    const statuses: number[] = []
    for (const spelling of spellings) statuses.push(await postFrom(collector, spelling))
    expect(statuses).toEqual([...spellings.slice(1).map(() => 201), 429])
  })

  test('counts each IPv4 address and each IPv6 /64 separately', async () => {
    const collector = await createLimitedCollector(1)
    for (const address of ['203.0.113.7', '203.0.113.8', '2001:db8:1:2::7', '2001:db8:1:3::7'])
      expect(await postFrom(collector, address), address).toBe(201)
    expect(await postFrom(collector, '203.0.113.8')).toBe(429)
    expect(await postFrom(collector, '2001:db8:1:3::9')).toBe(429)
  })

  test('counts clients that a proxy does not name together, as the proxy', async () => {
    const collector = await createLimitedCollector(1)
    expect(await postFrom(collector, 'unknown')).toBe(201)
    expect(await postFrom(collector, '_other')).toBe(429)
    expect(await postFrom(collector, '203.0.113.7')).toBe(201)
  })

  test('counts reports of activity and of ends together', async () => {
    const collector = addHelpers(await createLimitedCollector(2), '')
    expect(await collector.use(createActivity())).toBe(204)
    expect((await collector.post(createReport())).status).toBe(201)
    expect(await collector.use(createActivity())).toBe(429)
    expect((await collector.post(createReport())).status).toBe(429)
  })

  test('applies to sign-ins to the dashboard', async () => {
    const collector = await createLimitedCollector(3)
    const trySignIn = async (token: string, address: string) =>
      (await postSignIn(collector.url, token, { 'X-Forwarded-For': address })).status
    const { token } = await issueToken(collector.store)
    const statuses: number[] = []
    for (let count = 0; count < 3; count++) statuses.push(await trySignIn(`guess ${count}`, '203.0.113.7'))
    expect(statuses).toEqual([401, 401, 401])
    expect(await trySignIn(token, '203.0.113.7')).toBe(429)
    expect(await trySignIn(token, '203.0.113.8')).toBe(201)
  })

  test('answers 429 with the limit and the time to wait', async () => {
    const collector = await createLimitedCollector(1)
    await postFrom(collector, '203.0.113.7')
    const response = await collector.post(createReport(), {
      Origin: origin,
      'X-Forwarded-For': '203.0.113.7',
    })
    expect(response.status).toBe(429)
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(50)
    expect((await response.json()).detail).toMatch('1 requests per minute per address')
  })
})

describe('The request counter', () => {
  const minute = 60_000

  test('resets a minute after the first request', () => {
    const counter = new RequestCounter(2)
    expect(counter.count('a', 0)).toBe(0)
    expect(counter.count('a', 1)).toBe(0)
    expect(counter.count('a', 2)).toBe(minute - 2)
    expect(counter.count('a', minute - 1)).toBe(1)
    expect(counter.count('a', minute)).toBe(0)
    expect(counter.count('a', minute)).toBe(0)
    expect(counter.count('a', minute)).toBe(minute)
  })

  test('limits a flood from many addresses without locking out known clients', () => {
    const counter = new RequestCounter(10, 1_000)
    for (let client = 0; client < 1_000; client++) expect(counter.count(`known ${client}`, 0)).toBe(0)
    const requestCount = 200_000
    let passed = 0
    for (let client = 0; client < requestCount; client++)
      if (counter.count(`flood ${client}`, 1) === 0) passed += 1
    // 4,096 shared windows of 10 requests each.
    expect(passed).toBeLessThanOrEqual(40_960)
    expect(passed).toBeGreaterThan(40_000)
    for (let request = 1; request < 10; request++)
      for (let client = 0; client < 1_000; client++) expect(counter.count(`known ${client}`, 2)).toBe(0)
    expect(counter.count('known 0', 3)).toBeGreaterThan(0)
  })

  test('keeps the entry of a client that returns within a minute during a flood', () => {
    const counter = new RequestCounter(1, 10)
    for (let client = 0; client < 10; client++) counter.count(`known ${client}`, 0)
    for (let client = 0; client < 100_000; client++) counter.count(`flood ${client}`, minute + 1)
    for (let client = 0; client < 10; client++) expect(counter.count(`known ${client}`, minute + 2)).toBe(0)
  })

  test('uses a limited amount of memory, no matter how many addresses send requests', () => {
    // Garbage collection can be requested only with this flag.
    setFlagsFromString('--expose-gc')
    const collectGarbage: () => void = runInNewContext('gc')
    const measureHeapMegabytes = () => {
      collectGarbage()
      return process.memoryUsage().heapUsed / 2 ** 20
    }
    const counter = new RequestCounter(10)
    const before = measureHeapMegabytes()
    let client = 0
    const flood = (count: number) => {
      for (const end = client + count; client < end; client++)
        counter.count(`2001:db8:${client}::/64`, client)
      return measureHeapMegabytes() - before
    }
    expect(flood(150_000)).toBeLessThan(40)
    expect(flood(450_000)).toBeLessThan(40)
  })

  test('forgets clients after two minutes without a request', () => {
    const counter = new RequestCounter(1, 1)
    expect(counter.count('first', 0)).toBe(0)
    // Clients without an entry share windows, which are used up.
    const shared = Array.from({ length: 50_000 }, (_, client) => counter.count(`other ${client}`, 1))
    expect(shared.some((waitMs) => waitMs > 0)).toBe(true)
    for (let client = 0; client < 100; client++)
      expect(counter.count(`later ${client}`, 3 * minute + client * 3 * minute)).toBe(0)
  })
})
