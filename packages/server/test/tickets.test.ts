import { generateKeyPairSync } from 'node:crypto'
import { createLapseServer, LapseServerError, type LapseServerOptions } from '@lapse/server'
import { exportJWK, jwtVerify } from 'jose'
import { describe, expect, test } from 'vitest'
import { startCollector } from '../../../test/collector.ts'

const ticketSecret = 'a secret of the tests, 32 bytes long'
const options = {
  site: 'acme',
  collector: 'https://lapse.acme.com',
  token: 'unused',
  ticketSecret,
  idleTimeoutSeconds: 1800,
} satisfies LapseServerOptions
const signedInAt = Date.UTC(2026, 0, 2, 9, 30, 0, 999)
const session = { subject: 'u_42', session: 'a1f', startedAt: signedInAt }
const key = new TextEncoder().encode(ticketSecret)

describe('A ticket', () => {
  test('has the claims that the collector reads, and a signature that jose verifies', async () => {
    const ticket = createLapseServer({ ...options, absoluteTimeoutSeconds: 43_200 }).ticket(session)
    const { payload, protectedHeader } = await jwtVerify(ticket, key, { typ: 'lapse+jwt' })
    expect(protectedHeader).toEqual({ alg: 'HS256', typ: 'lapse+jwt' })
    const iat = Math.floor(signedInAt / 1000)
    expect(payload).toEqual({ iss: 'acme', sub: 'u_42', sid: 'a1f', iat, idle: 1800, abs: 43_200 })
  })

  test('of a session is always the same, also on another replica', () => {
    const [first, second] = [createLapseServer(options), createLapseServer(options)]
    expect(first.ticket(session)).toBe(second.ticket({ ...session, startedAt: new Date(signedInAt) }))
  })

  test('keeps its time within a process if the session does not say when it started', async () => {
    const lapse = createLapseServer(options)
    const before = lapse.ticket({ subject: 'u_42', session: 'a1f' })
    await new Promise((resolve) => setTimeout(resolve, 1100))
    expect(lapse.ticket({ subject: 'u_42', session: 'a1f' })).toBe(before)
  })

  test("states the session's own idle timeout, if it has one", async () => {
    const ticket = createLapseServer(options).ticket({ ...session, idleTimeoutSeconds: 604_800 })
    expect((await jwtVerify(ticket, key)).payload.idle).toBe(604_800)
  })

  test('converts an integer to the same subject as its text', () => {
    const lapse = createLapseServer(options)
    expect(lapse.ticket({ ...session, subject: 42 })).toBe(lapse.ticket({ ...session, subject: '42' }))
  })

  test.each([
    { fault: 'an empty subject', value: { ...session, subject: '' }, message: /^subject is not a valid id/ },
    { fault: 'a subject with a line break', value: { ...session, subject: 'u\n42' }, message: /^subject/ },
    {
      fault: 'a fraction as alias',
      value: { ...session, session: 1.5 },
      message: /^session is not a valid id/,
    },
    {
      fault: 'a time in seconds',
      value: { ...session, startedAt: 1_767_346_200 },
      message: /looks like seconds/,
    },
    {
      fault: 'an invalid date',
      value: { ...session, startedAt: new Date('') },
      message: /^startedAt is not a time/,
    },
    {
      fault: 'a negative limit',
      value: { ...session, idleTimeoutSeconds: -1 },
      message: /^idleTimeoutSeconds/,
    },
  ])('is not signed for $fault', ({ value, message }) => {
    const sign = () => createLapseServer(options).ticket(value)
    expect(sign).toThrow(message)
    expect(sign).toThrow(expect.objectContaining({ name: 'LapseServerError', code: 'invalid_report' }))
  })

  test.each([
    { alg: 'EdDSA', create: () => generateKeyPairSync('ed25519') },
    { alg: 'ES256', create: () => generateKeyPairSync('ec', { namedCurve: 'P-256' }) },
    { alg: 'RS256', create: () => generateKeyPairSync('rsa', { modulusLength: 2048 }) },
  ] as const)('that is signed with $alg is accepted by the collector', async ({ alg, create }) => {
    const { publicKey, privateKey } = create()
    const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg }
    const site = {
      origins: ['https://app.acme.com'],
      idleTimeoutSeconds: 1800,
      ticketKeys: [{ alg, jwks: { keys: [jwk] } }],
    }
    const collector = await startCollector({ name: 'SQLite' }, { sites: { acme: site } })
    try {
      const token = (await collector.runLapse('token', 'create', '--scope', 'write')).trim()
      const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
      const ticketKey = { alg, key: pem, kid: 'k1' }
      const lapse = createLapseServer({ ...options, ticketSecret: undefined, ticketKey })
      const response = await fetch(`${collector.url}/v1/lapses`, {
        method: 'POST',
        headers: { Authorization: `Bearer ${token}` },
        body: JSON.stringify({
          site: 'acme',
          session: 'a1f',
          reason: 'logout',
          ticket: lapse.ticket(session),
        }),
      })
      expect(response.status).toBe(201)
      expect(await collector.database.readRows()).toMatchObject([{ subject: 'u_42', session: 'a1f' }])
    } finally {
      await collector.end()
    }
  })
})

describe('The options', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const { privateKey: wrongCurve } = generateKeyPairSync('ec', { namedCurve: 'P-384' })

  test.each([
    { fault: 'no token', change: { token: undefined }, message: /^token is not set\..*lapse token create/ },
    { fault: 'a token with a line break', change: { token: 'a\nb' }, message: /^token contains/ },
    { fault: 'no site', change: { site: '' }, message: /^site is empty/ },
    { fault: 'a relative collector', change: { collector: '/lapse' }, message: /^collector is "\/lapse"/ },
    { fault: 'another protocol', change: { collector: 'javascript:alert(1)' }, message: /^collector is/ },
    {
      fault: 'a short secret',
      change: { ticketSecret: 'secret' },
      message: /^ticketSecret has fewer than 32 bytes/,
    },
    {
      fault: 'an idle timeout in text',
      change: { idleTimeoutSeconds: '1800' as never },
      message: /^idleTimeoutSeconds/,
    },
    {
      fault: 'a negative limit',
      change: { absoluteTimeoutSeconds: -1 },
      message: /^absoluteTimeoutSeconds is -1/,
    },
    { fault: 'no interval', change: { heartbeatSeconds: 0 }, message: /^heartbeatSeconds is 0/ },
    { fault: 'no room', change: { maxQueuedReports: 0 }, message: /^maxQueuedReports is 0/ },
    {
      fault: 'a secret and a key',
      change: { ticketKey: { alg: 'RS256', key: privateKey } as const },
      message: /^ticketSecret and ticketKey are both set/,
    },
    {
      fault: 'a key for another algorithm',
      change: { ticketSecret: undefined, ticketKey: { alg: 'EdDSA', key: privateKey } as const },
      message: /^ticketKey.key is no private key for EdDSA/,
    },
    {
      fault: 'a key on another curve',
      change: { ticketSecret: undefined, ticketKey: { alg: 'ES256', key: wrongCurve } as const },
      message: /^ticketKey.key is no private key for ES256/,
    },
    {
      fault: 'a key that is not PEM',
      change: { ticketSecret: undefined, ticketKey: { alg: 'RS256', key: 'secret' } as const },
      message: /^ticketKey.key is not a private key in PEM/,
    },
  ])('refuse $fault, and say what to do', ({ change, message }) => {
    const create = () => createLapseServer({ ...options, ...change })
    expect(create).toThrow(LapseServerError)
    expect(create).toThrow(message)
  })

  test('never show a secret in an error', () => {
    const secret = 'hunter2 hunter2'
    for (const change of [{ token: secret }, { ticketSecret: secret }])
      expect(() => createLapseServer({ ...options, ...change })).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('hunter2') }),
      )
  })
})
