import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ConfigError, parseConfig } from '../src/index.ts'
import { passTime, setWallClock } from './clock.ts'
import {
  createCollector,
  environment,
  eventOf,
  origin,
  type TestCollector,
  writtenConfig,
} from './collector.ts'

const dayMs = 86_400_000

type Answer = (response: ServerResponse, request: IncomingMessage) => void

/** A key server that answers as it is told; `answer` may be replaced. */
async function keyServer(answer: Answer) {
  const state = { answer, requests: [] as IncomingMessage[] }
  const server = createServer((request, response) => {
    state.requests.push(request)
    response.on('error', () => {})
    state.answer(response, request)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return Object.assign(state, { url: `http://127.0.0.1:${port}/jwks.json` })
}

const json = (value: unknown): Answer => {
  return (response) => response.setHeader('Content-Type', 'application/json').end(JSON.stringify(value))
}

/** A collector with a site whose keys are at a URL, and another site that must not notice anything. */
async function collectorWith(
  jwksUrls: string | readonly string[],
  alg: 'ES256' | 'RS256' = 'ES256',
): Promise<TestCollector> {
  const site = { origins: [origin], idleTimeoutSeconds: 1800, requireTicket: true }
  const collector = await createCollector(
    { name: 'SQLite' },
    {
      sites: {
        remote: { ...site, ticketKeys: [jwksUrls].flat().map((jwksUrl) => ({ alg, jwksUrl })) },
        acme: { origins: [origin], idleTimeoutSeconds: 1800 },
      },
    },
  )
  onTestFinished(collector.end)
  return collector
}

async function pairOf(kid: string | undefined, alg = 'ES256') {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk: JWK = { ...(await exportJWK(publicKey)), ...(kid !== undefined && { kid }) }
  const privateJwk: JWK = { ...(await exportJWK(privateKey)), ...(kid !== undefined && { kid }) }
  const sign = (header: { readonly kid?: string } = kid === undefined ? {} : { kid }) =>
    new SignJWT({ iss: 'remote', sub: 'u_7', iat: Math.floor(Date.now() / 1000) - 3600 })
      .setProtectedHeader({ alg, typ: 'lapse+jwt', ...header })
      .sign(privateKey)
  return { jwk, privateJwk, sign }
}

async function report(collector: TestCollector, ticket: string) {
  const startedAt = performance.now()
  const response = await collector.post(eventOf({ site: 'remote', ticket }))
  return { status: response.status, text: await response.text(), ms: performance.now() - startedAt }
}

/** The longest time for which the event loop stood still while something was done. */
async function longestStall(work: () => Promise<unknown>): Promise<number> {
  let longest = 0
  let last = performance.now()
  const timer = setInterval(() => {
    const now = performance.now()
    longest = Math.max(longest, now - last)
    last = now
  }, 5)
  await work()
  clearInterval(timer)
  return longest
}

describe('a key server', () => {
  const html = '<!doctype html><title>Sign in</title>'
  const elsewhere: Answer = (response) => response.writeHead(302, { Location: 'http://127.0.0.1:1/' }).end()
  const endless: Answer = (response) => {
    response.writeHead(200, { 'Content-Type': 'application/json' })
    const chunk = Buffer.alloc(16 * 1024, ' ')
    const more = () => {
      if (!response.destroyed) response.write(chunk, more)
    }
    more()
  }
  const slow: Answer = (response) => {
    response.writeHead(200, { 'Content-Type': 'application/json' }).write('{"keys":[')
    const timer = setInterval(() => response.write(' '), 100)
    response.on('close', () => clearInterval(timer))
  }
  const many = () => {
    const key = { kty: 'EC', crv: 'P-256', x: 'a'.repeat(43), y: 'b'.repeat(43) }
    return json({ keys: Array.from({ length: 20_000 }, () => key) })
  }

  test.each<[string, Answer, number?]>([
    ['serves 20,000 keys', many()],
    ['serves 101 keys', json({ keys: Array.from({ length: 101 }, () => ({ kty: 'EC' })) })],
    ['never ends its answer', endless],
    ['sends a byte now and then', slow],
    ['redirects to another host', elsewhere],
    ['answers with invalid JSON', (response) => response.end('{"keys":[')],
    ['answers with deeply nested JSON', (response) => response.end('['.repeat(200_000))],
    ['answers with a sign-in page', (response) => response.setHeader('Content-Type', 'text/html').end(html)],
    ['answers with another document', json({ issuer: 'https://app.acme.com' })],
    ['serves only keys that are broken', json({ keys: [null, 1, {}, { kty: 'EC', crv: 'P-256', x: 1 }] })],
    ['answers with 500', (response) => response.writeHead(500).end('down')],
    ['hangs up', (response) => response.destroy(), 20],
  ])('that %s costs its own site a 503, and nobody else anything', async (_, answer, maxRequests = 1) => {
    const server = await keyServer(answer)
    const collector = await collectorWith(server.url)
    const { sign } = await pairOf('one')
    const ticket = await sign()
    const stall = await longestStall(async () => {
      const remote = Promise.all(Array.from({ length: 20 }, () => report(collector, ticket)))
      const others = await Promise.all(Array.from({ length: 20 }, () => collector.post(eventOf())))
      expect(new Set(others.map(({ status }) => status))).toEqual(new Set([201]))
      for (const { status, text, ms } of await remote) {
        expect(status).toBe(503)
        expect(JSON.parse(text).detail).toMatch('The ticket keys of the site "remote" could not be fetched')
        expect(ms).toBeLessThan(4_000)
      }
    })
    expect(stall).toBeLessThan(500)
    expect(server.requests.length).toBeLessThanOrEqual(maxRequests)
  })

  test('that answers badly is asked again after 10 seconds, not for each ticket', async () => {
    const { jwk, sign } = await pairOf('one')
    const server = await keyServer(json({ keys: 'none' }))
    const collector = await collectorWith(server.url)
    const ticket = await sign()
    for (let count = 0; count < 5; count++) expect((await report(collector, ticket)).status).toBe(503)
    expect(server.requests).toHaveLength(1)
    server.answer = json({ keys: [jwk] })
    passTime(11_000)
    expect((await report(collector, ticket)).status).toBe(201)
  })

  test('that hangs holds a ticket no longer when there are six of them, and the next ticket not at all', async () => {
    const silent: Answer = () => {}
    const servers = await Promise.all(Array.from({ length: 6 }, () => keyServer(silent)))
    const collector = await collectorWith(servers.map(({ url }) => url))
    const ticket = await (await pairOf('one')).sign()
    const [first, next] = [await report(collector, ticket), await report(collector, ticket)]
    expect([first.status, next.status]).toEqual([503, 503])
    expect(first.ms).toBeLessThan(4_000)
    expect(next.ms).toBeLessThan(1_000)
  })

  test('that hangs up late is left alone as well', async () => {
    const server = await keyServer((response) => void setTimeout(() => response.destroy(), 1_000))
    const collector = await collectorWith(server.url)
    const ticket = await (await pairOf('one')).sign()
    for (let count = 0; count < 3; count++) expect((await report(collector, ticket)).status).toBe(503)
    expect(server.requests).toHaveLength(1)
  })

  test('that hangs does not hold a ticket that the key of another one signed', async () => {
    const { jwk, sign } = await pairOf('one')
    const [hanging, good] = [await keyServer(() => {}), await keyServer(json({ keys: [jwk] }))]
    const collector = await collectorWith([hanging.url, good.url])
    const { status, ms } = await report(collector, await sign())
    expect(status).toBe(201)
    expect(ms).toBeLessThan(2_000)
  })

  test('is asked again after its pause, though the clock was set back by a year', async () => {
    const { jwk, sign } = await pairOf('one')
    const server = await keyServer(json({ keys: 'none' }))
    const collector = await collectorWith(server.url)
    expect((await report(collector, await sign())).status).toBe(503)
    server.answer = json({ keys: [jwk] })
    setWallClock(-365 * dayMs)
    passTime(11_000)
    expect((await report(collector, await sign())).status).toBe(201)
  })

  test('is asked for new keys, though the clock was set back by a year', async () => {
    const [older, newer] = [await pairOf('older'), await pairOf('newer')]
    const server = await keyServer(json({ keys: [older.jwk] }))
    const collector = await collectorWith(server.url)
    expect((await report(collector, await older.sign())).status).toBe(201)
    setWallClock(-365 * dayMs)
    server.answer = json({ keys: [newer.jwk] })
    passTime(31_000)
    expect((await report(collector, await newer.sign())).status).toBe(201)
    server.answer = json({ keys: [] })
    passTime(12 * 60_000)
    expect((await report(collector, await newer.sign())).status).toBe(401)
  })

  test('that begins to answer badly does not take away the keys that were fetched', async () => {
    const { jwk, sign } = await pairOf('one')
    const server = await keyServer(json({ keys: [jwk] }))
    const collector = await collectorWith(server.url)
    expect((await report(collector, await sign())).status).toBe(201)
    server.answer = many()
    passTime(11 * 60_000)
    expect((await report(collector, await sign())).status).toBe(201)
    expect(server.requests).toHaveLength(2)
  })

  test('may serve broken, private and foreign keys among good ones', async () => {
    const [good, leaked, rsa] = [await pairOf('good'), await pairOf('leaked'), await pairOf('rsa', 'RS256')]
    const broken = [
      null,
      'text',
      { kty: 'EC', crv: 'P-256', x: 5, y: [], kid: 'broken' },
      { kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA', kid: 'broken' },
      { kty: 'EC', crv: 'P-384', x: good.jwk.x, y: good.jwk.y, kid: 'broken' },
      { kty: 'oct', k: 'c2VjcmV0', kid: 'good' },
    ]
    const keys = [...broken, leaked.privateJwk, rsa.jwk, { ...good.jwk, x5c: ['x'.repeat(2_000)] }]
    const server = await keyServer(json({ keys }))
    const collector = await collectorWith(server.url)
    expect((await report(collector, await good.sign())).status).toBe(201)
    expect((await report(collector, await good.sign({}))).status).toBe(201)
    for (const refused of [leaked.sign(), good.sign({ kid: 'broken' }), rsa.sign()])
      expect((await report(collector, await refused)).status).toBe(401)
  })

  test('may serve several keys under one kid, and of keys without a kid at most ten are tried', async () => {
    const pairs = await Promise.all(Array.from({ length: 12 }, () => pairOf(undefined)))
    const [first, tenth, eleventh] = [pairs[0], pairs[9], pairs[10]]
    const server = await keyServer(json({ keys: pairs.map(({ jwk }) => ({ ...jwk, kid: 'same' })) }))
    const collector = await collectorWith(server.url)
    for (const pair of [first, tenth])
      for (const header of [{ kid: 'same' }, {}])
        expect((await report(collector, (await pair?.sign(header)) ?? '')).status).toBe(201)
    const { status, text } = await report(collector, (await eleventh?.sign({})) ?? '')
    expect({ status, text }).toEqual({
      status: 401,
      text: expect.stringContaining('no kid that names one key'),
    })
  })

  test('may have a key that no honest one has: an RSA modulus of 100,000 bits is left out', async () => {
    const good = await pairOf('good', 'RS256')
    const huge = { kty: 'RSA', e: 'AQAB', n: Buffer.alloc(12_500, 255).toString('base64url'), kid: 'huge' }
    const odd = { ...good.jwk, e: Buffer.alloc(200, 255).toString('base64url'), kid: 'odd' }
    const server = await keyServer(json({ keys: [huge, odd, good.jwk] }))
    const collector = await collectorWith(server.url, 'RS256')
    expect((await report(collector, await good.sign())).status).toBe(201)
    for (const kid of ['huge', 'odd'])
      expect((await report(collector, await good.sign({ kid }))).status).toBe(401)
  })

  test('may ask for a password, which neither the answer nor the log shows', async () => {
    const { jwk, sign } = await pairOf('one')
    const isRight = ({ headers }: IncomingMessage) =>
      headers.authorization === `Basic ${Buffer.from('lapse:h@nter2').toString('base64')}`
    const server = await keyServer((response, request) =>
      isRight(request) ? json({ keys: [jwk] })(response, request) : response.writeHead(401).end(),
    )
    const withPassword = (password: string) =>
      server.url.replace('//', `//lapse:${password}@`).concat('?key=hunter3')
    const collector = await collectorWith(withPassword('h%40nter2'))
    expect((await report(collector, await sign())).status).toBe(201)

    const refused = await collectorWith(withPassword('hunter4'))
    const { status, text } = await report(refused, await sign())
    expect(status).toBe(503)
    expect(text).not.toMatch(/127\.0\.0\.1|hunter/)
    const log = refused.logLines.join('')
    expect(log).not.toMatch('hunter')
    expect(log).toMatch(server.url)
    expect(log).toMatch('status 401')
  })
})

describe('a ticket', () => {
  test('that is longer than a body from a browser could hold is refused unread', async () => {
    const { jwk } = await pairOf('one')
    const server = await keyServer(json({ keys: [jwk] }))
    const collector = await collectorWith(server.url)
    const { status } = await report(collector, `${'a'.repeat(7_000)}.b.c`)
    expect(status).toBe(401)
    expect(server.requests).toHaveLength(0)
  })
})

describe('a configuration', () => {
  const messageOf = (ticketKeys: unknown) => {
    const site = { origins: [origin], idleTimeoutSeconds: 1800, ticketKeys }
    try {
      parseConfig({ ...writtenConfig('sqlite:x'), sites: { acme: site } }, environment)
    } catch (error) {
      if (error instanceof ConfigError) return error.message
    }
    return ''
  }

  test('with more keys than could be tried for each ticket is refused', async () => {
    const { jwk } = await pairOf('one')
    const secret = { alg: 'HS256', secret: 'env:TICKET_SECRET' }
    expect(messageOf(Array.from({ length: 10 }, () => secret))).toBe('')
    expect(messageOf(Array.from({ length: 11 }, () => secret))).toMatch(
      'sites.acme.ticketKeys: write at most 10 keys',
    )
    const keys = Array.from({ length: 101 }, () => jwk)
    expect(messageOf([{ alg: 'ES256', jwks: { keys } }])).toMatch(
      'sites.acme.ticketKeys.0.jwks.keys: write at most 100 keys',
    )
  })

  test('with a password in a URL that cannot be read is refused, and not shown', () => {
    const message = messageOf([{ alg: 'ES256', jwksUrl: 'https://lapse:hun%ter2@app.acme.com/jwks' }])
    expect(message).toMatch('a % is not followed by two hexadecimal digits')
    expect(message).not.toMatch('ter2')
  })
})
