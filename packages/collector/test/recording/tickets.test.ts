import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { describe, expect, onTestFinished, test } from 'vitest'
import { findFreePort } from '../../../../test/servers.ts'
import { ConfigError, type ConfigInput, parseConfig } from '../../src/index.ts'
import { advanceMonotonicClock } from '../support/clock.ts'
import {
  createCollector,
  createConfig,
  createReport,
  environment,
  type InProcessCollector,
  origin,
} from '../support/collector.ts'

type WrittenKeys = NonNullable<ConfigInput['sites'][string]['ticketKeys']>

const createSites = (ticketKeys: WrittenKeys) => ({
  acme: { origins: [origin], idleTimeoutSeconds: 1800, requireTicket: true, ticketKeys },
})

async function createTicketCollector(ticketKeys: WrittenKeys): Promise<InProcessCollector> {
  const collector = await createCollector({ name: 'SQLite' }, { sites: createSites(ticketKeys) })
  onTestFinished(collector.end)
  return collector
}

const encode = (text: string) => new TextEncoder().encode(text)

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

async function createKeyPair(alg: string, kid = alg) {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
  const jwk: JWK & { kty: string } = { kty: '', ...(await exportJWK(publicKey)), kid }
  return { alg, kid, key: privateKey, jwk, privateJwk: await exportJWK(privateKey) }
}

async function postTicket(collector: InProcessCollector, ticket: string): Promise<number> {
  const session = randomUUID()
  const response = await collector.post(createReport({ session, ticket }))
  const rows = (await collector.database.readRows()).filter((row) => row.session_key === session)
  expect(rows).toHaveLength(response.status === 201 ? 1 : 0)
  if (response.status === 401) expect((await response.json()).type).toBe('urn:lapse:problem:ticket-refused')
  if (response.status === 503) expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
  return response.status
}

describe.each(['EdDSA', 'ES256', 'RS256'] as const)('A ticket signed with %s', (alg) => {
  test('is accepted, and the row is signed', async () => {
    const pair = await createKeyPair(alg)
    const collector = await createTicketCollector([{ alg, jwks: { keys: [pair.jwk] } }])
    expect(await postTicket(collector, await sign(pair))).toBe(201)
    expect(await postTicket(collector, await sign({ alg, key: pair.key }))).toBe(201)
    expect(await collector.database.readRows()).toMatchObject([
      { evidence: 'signed', subject: 'u_7' },
      { evidence: 'signed', subject: 'u_7' },
    ])
  })

  test('is refused if another key signed it, or if the public key was used as an HMAC secret', async () => {
    const [pair, stranger] = [await createKeyPair(alg), await createKeyPair(alg)]
    const collector = await createTicketCollector([{ alg, jwks: { keys: [pair.jwk] } }])
    expect(await postTicket(collector, await sign({ ...pair, key: stranger.key }))).toBe(401)
    const confused = encode(JSON.stringify(pair.jwk))
    expect(await postTicket(collector, await sign({ alg: 'HS256', kid: alg, key: confused }))).toBe(401)
  })
})

describe('A ticket', () => {
  const key = encode(environment.TICKET_SECRET)
  const hs256 = { alg: 'HS256' as const, secret: 'env:TICKET_SECRET' }
  const readNowSeconds = () => Math.floor(Date.now() / 1000)

  test.each<[string, Partial<Signing>]>([
    ['with another typ', { typ: 'JWT' }],
    ['with a longer hash of the same secret', { alg: 'HS512' }],
    ['for another site', { claims: { iss: 'other' } }],
    ['that has expired', { claims: { exp: readNowSeconds() - 120 } }],
    ['issued in the future', { claims: { iat: readNowSeconds() + 120 } }],
    ['without iat', { claims: { iat: undefined } }],
    ['without sub', { claims: { sub: undefined } }],
    ['with an idle timeout of 0', { claims: { idle: 0 } }],
  ])('%s is refused', async (_, changes) => {
    const collector = await createTicketCollector([hs256])
    expect(await postTicket(collector, await sign({ alg: 'HS256', key, ...changes }))).toBe(401)
  })

  test('without a signature is refused', async () => {
    const collector = await createTicketCollector([hs256])
    const encodePart = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = encodePart({ iss: 'acme', sub: 'u_7', iat: readNowSeconds() })
    for (const alg of ['none', 'HS256'])
      expect(await postTicket(collector, `${encodePart({ alg, typ: 'lapse+jwt' })}.${claims}.`)).toBe(401)
  })

  test('with sid creates one row, no matter how often it is sent and what else the reports contain', async () => {
    const collector = await createTicketCollector([hs256])
    const ticket = await sign({ alg: 'HS256', key, claims: { sid: 'a1f' } })
    const statuses: number[] = []
    for (const changes of [
      {},
      { detectedBy: 'logout' },
      { session: 'another', subject: 'u_8', marker: randomUUID() },
      { session: undefined, marker: randomUUID(), browserRestarted: true },
    ])
      statuses.push((await collector.post(createReport({ ticket, ...changes }))).status)
    expect(statuses).toEqual([201, 200, 200, 200])
    expect(await collector.database.readRows()).toMatchObject([{ session_key: 'a1f', subject: 'u_7' }])
  })

  test('may be signed with any of several keys during a rotation', async () => {
    const [older, newer] = [await createKeyPair('ES256', 'older'), await createKeyPair('EdDSA', 'newer')]
    const collector = await createTicketCollector([
      { alg: 'ES256', jwks: { keys: [older.jwk] } },
      { alg: 'EdDSA', jwks: { keys: [newer.jwk] } },
      hs256,
    ])
    for (const signing of [older, newer, { alg: 'HS256', key }])
      expect(await postTicket(collector, await sign(signing))).toBe(201)
  })

  test('without kid is verified with each key of the set', async () => {
    const [one, other, stranger] = [
      await createKeyPair('ES256', 'a'),
      await createKeyPair('ES256', 'b'),
      await createKeyPair('ES256'),
    ]
    const collector = await createTicketCollector([{ alg: 'ES256', jwks: { keys: [one.jwk, other.jwk] } }])
    expect(await postTicket(collector, await sign({ alg: 'ES256', key: other.key }))).toBe(201)
    expect(await postTicket(collector, await sign({ alg: 'ES256', key: stranger.key }))).toBe(401)
  })
})

describe('Keys from a URL', () => {
  async function startKeyServer(port: number, keys: () => readonly JWK[]) {
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

  test('are fetched once, and remain valid while the URL is down', async () => {
    const [pair, stranger] = [await createKeyPair('EdDSA', 'one'), await createKeyPair('EdDSA', 'two')]
    const port = await findFreePort()
    const server = await startKeyServer(port, () => [pair.jwk])
    const collector = await createTicketCollector([
      { alg: 'EdDSA', jwksUrl: `http://127.0.0.1:${port}/jwks.json` },
    ])
    for (let count = 0; count < 3; count++) expect(await postTicket(collector, await sign(pair))).toBe(201)
    expect(await postTicket(collector, await sign(stranger))).toBe(401)
    expect(server.requests()).toBe(1)
    await server.stop()
    expect(await postTicket(collector, await sign(pair))).toBe(201)
  })

  test('include a new key half a minute after the last fetch, when a ticket names it', async () => {
    const [older, newer] = [await createKeyPair('EdDSA', 'older'), await createKeyPair('EdDSA', 'newer')]
    const keys = [older.jwk]
    const port = await findFreePort()
    const server = await startKeyServer(port, () => keys)
    onTestFinished(server.stop)
    const collector = await createTicketCollector([
      { alg: 'EdDSA', jwksUrl: `http://127.0.0.1:${port}/jwks.json` },
    ])
    expect(await postTicket(collector, await sign(older))).toBe(201)
    keys.splice(0, 1, newer.jwk)
    expect(await postTicket(collector, await sign(newer))).toBe(401)
    advanceMonotonicClock(31_000)
    expect(await postTicket(collector, await sign(newer))).toBe(201)
    expect(await postTicket(collector, await sign(older))).toBe(401)
    expect(server.requests()).toBe(2)
  })

  test('that cannot be fetched make the collector answer 503, until the URL is up', async () => {
    const pair = await createKeyPair('ES256', 'one')
    const port = await findFreePort()
    const collector = await createTicketCollector([
      { alg: 'ES256', jwksUrl: `http://127.0.0.1:${port}/jwks.json` },
    ])
    expect(await postTicket(collector, await sign(pair))).toBe(503)
    const server = await startKeyServer(port, () => [pair.jwk])
    onTestFinished(server.stop)
    expect(await postTicket(collector, await sign(pair))).toBe(201)
  })
})

describe('The configuration', () => {
  const findFaults = (ticketKeys: unknown) => {
    const config = { ...createConfig('sqlite:x'), sites: { acme: { ...createSites([]).acme, ticketKeys } } }
    try {
      parseConfig(config, environment)
    } catch (error) {
      if (error instanceof ConfigError) return error.message
    }
    return ''
  }

  test('is refused with the reason for each invalid key', async () => {
    const [ec, ed] = [await createKeyPair('ES256'), await createKeyPair('EdDSA')]
    const short = { kty: 'RSA', e: 'AQAB', n: Buffer.alloc(128, 255).toString('base64url') }
    expect(findFaults([{ alg: 'ES256', jwks: { keys: [ec.jwk, ed.jwk] } }])).toMatch(
      'sites.acme.ticketKeys.0.jwks.keys.1: must have kty EC and crv P-256, because alg is ES256',
    )
    expect(findFaults([{ alg: 'EdDSA', jwks: { keys: [{ ...ed.privateJwk, kty: 'OKP' }] } }])).toMatch(
      'ticketKeys.0.jwks.keys.0: is a private key; write the public key only',
    )
    expect(findFaults([{ alg: 'RS256', jwks: { keys: [short] } }])).toMatch('must have at least 2048 bits')
    expect(findFaults([{ alg: 'EdDSA', jwks: { keys: [{ kty: 'OKP', crv: 'Ed25519' }] } }])).toMatch(
      'is not a valid key',
    )
    expect(findFaults([{ alg: 'EdDSA', jwksUrl: 'http://keys.acme.com/jwks.json' }])).toMatch(
      'must be an https URL',
    )
    expect(findFaults([{ alg: 'EdDSA' }])).toMatch('ticketKeys.0: must have either jwks or jwksUrl')
    expect(findFaults([{ alg: 'none' }])).toMatch('ticketKeys.0.alg')
    expect(findFaults([{ alg: 'HS256', secret: 'in plain sight' }])).toMatch('must be env:NAME')
  })
})
