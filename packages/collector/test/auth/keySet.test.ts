import type { IncomingMessage } from 'node:http'
import { describe, expect, test } from 'vitest'
import { ConfigError, parseConfig } from '../../src/index.ts'
import { createConfig, environment, origin } from '../support/collector.ts'
import {
  answerJson,
  createKeyPair,
  createKeySetCollector,
  reportWithTicket,
  startKeyServer,
} from '../support/keyServer.ts'

describe('The JWK set of a key server', () => {
  test('Broken, private and foreign keys do not disable the usable keys of a set', async () => {
    const [good, leaked, rsa] = [
      await createKeyPair('good'),
      await createKeyPair('leaked'),
      await createKeyPair('rsa', 'RS256'),
    ]
    const broken = [
      null,
      'text',
      { kty: 'EC', crv: 'P-256', x: 5, y: [], kid: 'broken' },
      { kty: 'EC', crv: 'P-256', x: 'AAAA', y: 'AAAA', kid: 'broken' },
      { kty: 'EC', crv: 'P-384', x: good.jwk.x, y: good.jwk.y, kid: 'broken' },
      { kty: 'oct', k: 'c2VjcmV0', kid: 'good' },
    ]
    const keys = [...broken, leaked.privateJwk, rsa.jwk, { ...good.jwk, x5c: ['x'.repeat(2_000)] }]
    const server = await startKeyServer(answerJson({ keys }))
    const collector = await createKeySetCollector(server.url)
    expect((await reportWithTicket(collector, await good.sign())).status).toBe(201)
    expect((await reportWithTicket(collector, await good.sign({}))).status).toBe(201)
    for (const refused of [leaked.sign(), good.sign({ kid: 'broken' }), rsa.sign()])
      expect((await reportWithTicket(collector, await refused)).status).toBe(401)
  })

  test('Several keys may share a kid, and at most ten keys are tried for a ticket without a kid', async () => {
    const pairs = await Promise.all(Array.from({ length: 12 }, () => createKeyPair(undefined)))
    const [first, tenth, eleventh] = [pairs[0], pairs[9], pairs[10]]
    const server = await startKeyServer(
      answerJson({ keys: pairs.map(({ jwk }) => ({ ...jwk, kid: 'same' })) }),
    )
    const collector = await createKeySetCollector(server.url)
    for (const pair of [first, tenth])
      for (const header of [{ kid: 'same' }, {}])
        expect((await reportWithTicket(collector, (await pair?.sign(header)) ?? '')).status).toBe(201)
    const { status, text } = await reportWithTicket(collector, (await eleventh?.sign({})) ?? '')
    expect({ status, text }).toEqual({
      status: 401,
      text: expect.stringContaining('its kid does not identify a single key'),
    })
  })

  test('An RSA key with a modulus of 100,000 bits is ignored', async () => {
    const good = await createKeyPair('good', 'RS256')
    const huge = { kty: 'RSA', e: 'AQAB', n: Buffer.alloc(12_500, 255).toString('base64url'), kid: 'huge' }
    const odd = { ...good.jwk, e: Buffer.alloc(200, 255).toString('base64url'), kid: 'odd' }
    const server = await startKeyServer(answerJson({ keys: [huge, odd, good.jwk] }))
    const collector = await createKeySetCollector(server.url, 'RS256')
    expect((await reportWithTicket(collector, await good.sign())).status).toBe(201)
    for (const kid of ['huge', 'odd'])
      expect((await reportWithTicket(collector, await good.sign({ kid }))).status).toBe(401)
  })

  test('A password in the URL is sent, and appears in neither the answer nor the log', async () => {
    const { jwk, sign } = await createKeyPair('one')
    const isRight = ({ headers }: IncomingMessage) =>
      headers.authorization === `Basic ${Buffer.from('lapse:h@nter2').toString('base64')}`
    const server = await startKeyServer((response, request) =>
      isRight(request) ? answerJson({ keys: [jwk] })(response, request) : response.writeHead(401).end(),
    )
    const addPassword = (password: string) =>
      server.url.replace('//', `//lapse:${password}@`).concat('?key=hunter3')
    const collector = await createKeySetCollector(addPassword('h%40nter2'))
    expect((await reportWithTicket(collector, await sign())).status).toBe(201)

    const refused = await createKeySetCollector(addPassword('hunter4'))
    const { status, text } = await reportWithTicket(refused, await sign())
    expect(status).toBe(503)
    expect(text).not.toMatch(/127\.0\.0\.1|hunter/)
    const log = refused.logLines.join('')
    expect(log).not.toMatch('hunter')
    expect(log).toMatch(server.url)
    expect(log).toMatch('status 401')
  })
})

describe('A ticket', () => {
  test('A ticket that is longer than a browser can send is refused without verification', async () => {
    const { jwk } = await createKeyPair('one')
    const server = await startKeyServer(answerJson({ keys: [jwk] }))
    const collector = await createKeySetCollector(server.url)
    const { status } = await reportWithTicket(collector, `${'a'.repeat(7_000)}.b.c`)
    expect(status).toBe(401)
    expect(server.requests).toHaveLength(0)
  })
})

describe('Configured ticket keys', () => {
  const getErrorMessage = (ticketKeys: unknown) => {
    const site = { origins: [origin], idleTimeoutSeconds: 1800, ticketKeys }
    try {
      parseConfig({ ...createConfig('sqlite:x'), sites: { acme: site } }, environment)
    } catch (error) {
      if (error instanceof ConfigError) return error.message
    }
    return ''
  }

  test('A configuration with too many ticket keys is refused', async () => {
    const { jwk } = await createKeyPair('one')
    const secret = { alg: 'HS256', secret: 'env:TICKET_SECRET' }
    expect(getErrorMessage(Array.from({ length: 10 }, () => secret))).toBe('')
    expect(getErrorMessage(Array.from({ length: 11 }, () => secret))).toMatch(
      'sites.acme.ticketKeys: must have at most 10 keys',
    )
    const keys = Array.from({ length: 101 }, () => jwk)
    expect(getErrorMessage([{ alg: 'ES256', jwks: { keys } }])).toMatch(
      'sites.acme.ticketKeys.0.jwks.keys: must have at most 100 keys',
    )
  })

  test('An unreadable password in a URL is refused and not shown', () => {
    const message = getErrorMessage([{ alg: 'ES256', jwksUrl: 'https://lapse:hun%ter2@app.acme.com/jwks' }])
    expect(message).toMatch('a % in the user name or password that is not followed by two hexadecimal digits')
    expect(message).not.toMatch('ter2')
  })
})
