import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { describe, expect, onTestFinished, test } from 'vitest'
import { freePort } from '../../../test/servers.ts'
import { ConfigError, type ConfigInput, parseConfig } from '../src/index.ts'
import { passTime } from './clock.ts'
import {
  createCollector,
  environment,
  eventOf,
  origin,
  type TestCollector,
  writtenConfig,
} from './collector.ts'

type WrittenKeys = NonNullable<ConfigInput['sites'][string]['ticketKeys']>

const sitesWith = (ticketKeys: WrittenKeys) => ({
  acme: { origins: [origin], idleTimeoutSeconds: 1800, requireTicket: true, ticketKeys },
})

async function collectorWith(ticketKeys: WrittenKeys): Promise<TestCollector> {
  const collector = await createCollector({ name: 'SQLite' }, { sites: sitesWith(ticketKeys) })
  onTestFinished(collector.end)
  return collector
}

const bytes = (text: string) => new TextEncoder().encode(text)

interface Signing {
  readonly alg: string
  readonly key: CryptoKey | Uint8Array
  readonly kid?: string
  readonly typ?: string
  readonly claims?: Readonly<Record<string, unknown>>
}

function sign({ alg, key, kid, typ = 'lapse+jwt', claims }: Signing): Promise<string> {
  const iat = Math.floor(Date.now() / 1000) - 3600
  return new SignJWT({ iss: 'acme', sub: 'u_7', iat, ...claims })
    .setProtectedHeader({ alg, typ, ...(kid && { kid }) })
    .sign(key)
}

async function pairOf(alg: string, kid = alg) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk: JWK & { kty: string } = { kty: '', ...(await exportJWK(publicKey)), kid }
  return { alg, kid, key: privateKey, jwk, privateJwk: await exportJWK(privateKey) }
}

async function statusOf(collector: TestCollector, ticket: string): Promise<number> {
  const session = randomUUID()
  const response = await collector.post(eventOf({ session, ticket }))
  const rows = (await collector.database.rows()).filter((row) => row.session_key === session)
  expect(rows).toHaveLength(response.status === 201 ? 1 : 0)
  if (response.status === 401) expect((await response.json()).type).toBe('urn:lapse:problem:ticket-refused')
  if (response.status === 503) expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
  return response.status
}

describe.each(['EdDSA', 'ES256', 'RS256'] as const)('a ticket signed by %s', (alg) => {
  test('is good, and makes the row signed', async () => {
    const pair = await pairOf(alg)
    const collector = await collectorWith([{ alg, jwks: { keys: [pair.jwk] } }])
    expect(await statusOf(collector, await sign(pair))).toBe(201)
    expect(await statusOf(collector, await sign({ alg, key: pair.key }))).toBe(201)
    expect(await collector.database.rows()).toMatchObject([
      { evidence: 'signed', subject: 'u_7' },
      { evidence: 'signed', subject: 'u_7' },
    ])
  })

  test('is refused when another key signed it, or the public key was taken for a secret', async () => {
    const [pair, stranger] = [await pairOf(alg), await pairOf(alg)]
    const collector = await collectorWith([{ alg, jwks: { keys: [pair.jwk] } }])
    expect(await statusOf(collector, await sign({ ...pair, key: stranger.key }))).toBe(401)
    const confused = bytes(JSON.stringify(pair.jwk))
    expect(await statusOf(collector, await sign({ alg: 'HS256', kid: alg, key: confused }))).toBe(401)
  })
})

describe('a ticket', () => {
  const key = bytes(environment.TICKET_SECRET)
  const hs256 = { alg: 'HS256' as const, secret: 'env:TICKET_SECRET' }
  const now = () => Math.floor(Date.now() / 1000)

  test.each<[string, Partial<Signing>]>([
    ['of another type', { typ: 'JWT' }],
    ['by a longer hash of the same secret', { alg: 'HS512' }],
    ['of another site', { claims: { iss: 'other' } }],
    ['that has expired', { claims: { exp: now() - 120 } }],
    ['issued in the future', { claims: { iat: now() + 120 } }],
    ['without its time', { claims: { iat: undefined } }],
    ['without its subject', { claims: { sub: undefined } }],
    ['with a limit that is none', { claims: { idle: 0 } }],
  ])('%s is refused', async (_, changes) => {
    const collector = await collectorWith([hs256])
    expect(await statusOf(collector, await sign({ alg: 'HS256', key, ...changes }))).toBe(401)
  })

  test('without a signature is refused', async () => {
    const collector = await collectorWith([hs256])
    const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = part({ iss: 'acme', sub: 'u_7', iat: now() })
    for (const alg of ['none', 'HS256'])
      expect(await statusOf(collector, `${part({ alg, typ: 'lapse+jwt' })}.${claims}.`)).toBe(401)
  })

  test('with a sid has one row, however often and with whatever else it is sent', async () => {
    const collector = await collectorWith([hs256])
    const ticket = await sign({ alg: 'HS256', key, claims: { sid: 'a1f' } })
    const statuses: number[] = []
    for (const changes of [
      {},
      { detectedBy: 'logout' },
      { session: 'another', subject: 'u_8', marker: randomUUID() },
      { session: undefined, marker: randomUUID(), browserRestarted: true },
    ])
      statuses.push((await collector.post(eventOf({ ticket, ...changes }))).status)
    expect(statuses).toEqual([201, 200, 200, 200])
    expect(await collector.database.rows()).toMatchObject([{ session_key: 'a1f', subject: 'u_7' }])
  })

  test('may be signed by any of several keys while they rotate', async () => {
    const [older, newer] = [await pairOf('ES256', 'older'), await pairOf('EdDSA', 'newer')]
    const collector = await collectorWith([
      { alg: 'ES256', jwks: { keys: [older.jwk] } },
      { alg: 'EdDSA', jwks: { keys: [newer.jwk] } },
      hs256,
    ])
    for (const signing of [older, newer, { alg: 'HS256', key }])
      expect(await statusOf(collector, await sign(signing))).toBe(201)
  })

  test('without a kid is tried with every key of the set', async () => {
    const [one, other, stranger] = [
      await pairOf('ES256', 'a'),
      await pairOf('ES256', 'b'),
      await pairOf('ES256'),
    ]
    const collector = await collectorWith([{ alg: 'ES256', jwks: { keys: [one.jwk, other.jwk] } }])
    expect(await statusOf(collector, await sign({ alg: 'ES256', key: other.key }))).toBe(201)
    expect(await statusOf(collector, await sign({ alg: 'ES256', key: stranger.key }))).toBe(401)
  })
})

describe('keys by URL', () => {
  async function keyServer(port: number, keys: () => readonly JWK[]) {
    let requests = 0
    const server = createServer((_, response) => {
      requests += 1
      response.setHeader('Content-Type', 'application/json').end(JSON.stringify({ keys: keys() }))
    }).listen(port, '127.0.0.1')
    await once(server, 'listening')
    const stop = async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
    return { stop, requests: () => requests }
  }

  test('are fetched once, and stay good while the URL is down', async () => {
    const [pair, stranger] = [await pairOf('EdDSA', 'one'), await pairOf('EdDSA', 'two')]
    const port = await freePort()
    const server = await keyServer(port, () => [pair.jwk])
    const collector = await collectorWith([{ alg: 'EdDSA', jwksUrl: `http://127.0.0.1:${port}/jwks.json` }])
    for (let count = 0; count < 3; count++) expect(await statusOf(collector, await sign(pair))).toBe(201)
    expect(await statusOf(collector, await sign(stranger))).toBe(401)
    expect(server.requests()).toBe(1)
    await server.stop()
    expect(await statusOf(collector, await sign(pair))).toBe(201)
  })

  test('follow a rotation: a key that is new there is fetched when a ticket names it, half a minute on', async () => {
    const [older, newer] = [await pairOf('EdDSA', 'older'), await pairOf('EdDSA', 'newer')]
    const keys = [older.jwk]
    const port = await freePort()
    const server = await keyServer(port, () => keys)
    onTestFinished(server.stop)
    const collector = await collectorWith([{ alg: 'EdDSA', jwksUrl: `http://127.0.0.1:${port}/jwks.json` }])
    expect(await statusOf(collector, await sign(older))).toBe(201)
    keys.splice(0, 1, newer.jwk)
    expect(await statusOf(collector, await sign(newer))).toBe(401)
    passTime(31_000)
    expect(await statusOf(collector, await sign(newer))).toBe(201)
    expect(await statusOf(collector, await sign(older))).toBe(401)
    expect(server.requests()).toBe(2)
  })

  test('that cannot be fetched are no fault of the ticket: 503, and good as soon as the URL is up', async () => {
    const pair = await pairOf('ES256', 'one')
    const port = await freePort()
    const collector = await collectorWith([{ alg: 'ES256', jwksUrl: `http://127.0.0.1:${port}/jwks.json` }])
    expect(await statusOf(collector, await sign(pair))).toBe(503)
    const server = await keyServer(port, () => [pair.jwk])
    onTestFinished(server.stop)
    expect(await statusOf(collector, await sign(pair))).toBe(201)
  })
})

describe('a configuration', () => {
  const messageOf = (ticketKeys: unknown) => {
    const config = { ...writtenConfig('sqlite:x'), sites: { acme: { ...sitesWith([]).acme, ticketKeys } } }
    try {
      parseConfig(config, environment)
    } catch (error) {
      if (error instanceof ConfigError) return error.message
    }
    return ''
  }

  test('names each key that is none, and why', async () => {
    const [ec, ed] = [await pairOf('ES256'), await pairOf('EdDSA')]
    const short = { kty: 'RSA', e: 'AQAB', n: Buffer.alloc(128, 255).toString('base64url') }
    expect(messageOf([{ alg: 'ES256', jwks: { keys: [ec.jwk, ed.jwk] } }])).toMatch(
      'sites.acme.ticketKeys.0.jwks.keys.1: must have kty EC and crv P-256, because alg is ES256',
    )
    expect(messageOf([{ alg: 'EdDSA', jwks: { keys: [{ ...ed.privateJwk, kty: 'OKP' }] } }])).toMatch(
      'ticketKeys.0.jwks.keys.0: is a private key; write the public key only',
    )
    expect(messageOf([{ alg: 'RS256', jwks: { keys: [short] } }])).toMatch('must have at least 2048 bits')
    expect(messageOf([{ alg: 'EdDSA', jwks: { keys: [{ kty: 'OKP', crv: 'Ed25519' }] } }])).toMatch(
      'is not a valid key',
    )
    expect(messageOf([{ alg: 'EdDSA', jwksUrl: 'http://keys.acme.com/jwks.json' }])).toMatch(
      'must be an https URL',
    )
    expect(messageOf([{ alg: 'EdDSA' }])).toMatch('ticketKeys.0: must have either jwks or jwksUrl')
    expect(messageOf([{ alg: 'none' }])).toMatch('ticketKeys.0.alg')
    expect(messageOf([{ alg: 'HS256', secret: 'in plain sight' }])).toMatch('must be env:NAME')
  })
})
