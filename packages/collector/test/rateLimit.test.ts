import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, onTestFinished, test } from 'vitest'
import { RequestCounter } from '../src/http/middleware/requestCounter.ts'
import { createCollector, eventOf, issueToken, origin, type TestCollector } from './collector.ts'
import { postSignIn } from './dashboardCookie.ts'

async function createLimited(requestsPerMinute: number): Promise<TestCollector> {
  const collector = await createCollector(
    { name: 'SQLite' },
    { rateLimit: { requestsPerMinute }, trustProxy: ['127.0.0.1'] },
  )
  onTestFinished(collector.end)
  return collector
}

const statusFrom = async (collector: TestCollector, address: string) =>
  (await collector.post(eventOf(), { Origin: origin, 'X-Forwarded-For': address })).status

describe('the rate limit', () => {
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
  ])('cannot be passed by other spellings %s', async (_, spellings) => {
    const collector = await createLimited(spellings.length - 1)
    const statuses: number[] = []
    for (const spelling of spellings) statuses.push(await statusFrom(collector, spelling))
    expect(statuses).toEqual([...spellings.slice(1).map(() => 201), 429])
  })

  test('counts each address and each IPv6 /64 by itself', async () => {
    const collector = await createLimited(1)
    for (const address of ['203.0.113.7', '203.0.113.8', '2001:db8:1:2::7', '2001:db8:1:3::7'])
      expect([address, await statusFrom(collector, address)]).toEqual([address, 201])
    expect(await statusFrom(collector, '203.0.113.8')).toBe(429)
    expect(await statusFrom(collector, '2001:db8:1:3::9')).toBe(429)
  })

  test('counts the clients that a proxy does not name by the proxy', async () => {
    const collector = await createLimited(1)
    expect(await statusFrom(collector, 'unknown')).toBe(201)
    expect(await statusFrom(collector, '_other')).toBe(429)
    expect(await statusFrom(collector, '203.0.113.7')).toBe(201)
  })

  test('counts the attempts to sign in to the dashboard', async () => {
    const collector = await createLimited(3)
    const attempt = async (token: string, address: string) =>
      (await postSignIn(collector.url, token, { 'X-Forwarded-For': address })).status
    const { token } = await issueToken(collector.store)
    const statuses: number[] = []
    for (let count = 0; count < 3; count++) statuses.push(await attempt(`guess ${count}`, '203.0.113.7'))
    expect(statuses).toEqual([401, 401, 401])
    expect(await attempt(token, '203.0.113.7')).toBe(429)
    expect(await attempt(token, '203.0.113.8')).toBe(201)
  })

  test('says how much is allowed, and when to come again', async () => {
    const collector = await createLimited(1)
    await statusFrom(collector, '203.0.113.7')
    const response = await collector.post(eventOf(), { Origin: origin, 'X-Forwarded-For': '203.0.113.7' })
    expect(response.status).toBe(429)
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(50)
    expect((await response.json()).detail).toMatch('1 requests per minute per address')
  })
})

describe('the count of requests', () => {
  const minute = 60_000

  test('begins anew a minute after the first one', () => {
    const counter = new RequestCounter(2)
    expect([counter.count('a', 0), counter.count('a', 1), counter.count('a', 2)]).toEqual([0, 0, minute - 2])
    expect(counter.count('a', minute - 1)).toBe(1)
    expect([counter.count('a', minute), counter.count('a', minute), counter.count('a', minute)]).toEqual([
      0,
      0,
      minute,
    ])
  })

  test('neither lets everybody pass nor locks out whom it knows, in a flood from many addresses', () => {
    const counter = new RequestCounter(10, 1_000)
    for (let client = 0; client < 1_000; client++) expect(counter.count(`known ${client}`, 0)).toBe(0)
    const flood = 200_000
    let passed = 0
    for (let client = 0; client < flood; client++) if (counter.count(`flood ${client}`, 1) === 0) passed += 1
    // 4,096 shared windows of 10 requests each.
    expect(passed).toBeLessThanOrEqual(40_960)
    expect(passed).toBeGreaterThan(40_000)
    for (let request = 1; request < 10; request++)
      for (let client = 0; client < 1_000; client++) expect(counter.count(`known ${client}`, 2)).toBe(0)
    expect(counter.count('known 0', 3)).toBeGreaterThan(0)
  })

  test('leaves its place to a client that comes back within a minute, though a flood goes on', () => {
    const counter = new RequestCounter(1, 10)
    for (let client = 0; client < 10; client++) counter.count(`known ${client}`, 0)
    for (let client = 0; client < 100_000; client++) counter.count(`flood ${client}`, minute + 1)
    for (let client = 0; client < 10; client++) expect(counter.count(`known ${client}`, minute + 2)).toBe(0)
  })

  test('takes a bounded memory, from however many addresses requests come', () => {
    // The test has no other way to ask for a collection than a flag that is set while it runs.
    setFlagsFromString('--expose-gc')
    const collectGarbage: () => void = runInNewContext('gc')
    const heapMegabytes = () => {
      collectGarbage()
      return process.memoryUsage().heapUsed / 2 ** 20
    }
    const counter = new RequestCounter(10)
    const before = heapMegabytes()
    let client = 0
    const flood = (count: number) => {
      for (const end = client + count; client < end; client++)
        counter.count(`2001:db8:${client}::/64`, client)
      return heapMegabytes() - before
    }
    expect(flood(150_000)).toBeLessThan(40)
    expect(flood(450_000)).toBeLessThan(40)
  })

  test('forgets who has not come for two minutes', () => {
    const counter = new RequestCounter(1, 1)
    expect(counter.count('first', 0)).toBe(0)
    // Beyond the places a shared window is used up by whoever has it.
    const shared = Array.from({ length: 50_000 }, (_, client) => counter.count(`other ${client}`, 1))
    expect(shared.some((waitMs) => waitMs > 0)).toBe(true)
    for (let client = 0; client < 100; client++)
      expect(counter.count(`later ${client}`, 3 * minute + client * 3 * minute)).toBe(0)
  })
})
