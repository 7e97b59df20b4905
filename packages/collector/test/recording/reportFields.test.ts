import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import {
  createCollector,
  createReport,
  environment,
  type InProcessCollector,
  issueToken,
} from '../support/collector.ts'

describe('A report with times in the wrong unit', () => {
  let collector: InProcessCollector
  beforeAll(async () => {
    collector = await createCollector({ name: 'SQLite' })
  })
  afterAll(() => collector.end())

  const fields = ['startedAt', 'lastAccessAt', 'detectedAt', 'sentAt']
  const seconds = Math.floor(Date.now() / 1000)

  test.each([
    ['seconds', seconds],
    ['seconds', seconds + 0.25],
    ['seconds', 0],
    ['seconds', 946_684_799_999],
    ['microseconds', seconds * 1e6],
    ['nanoseconds', seconds * 1e9],
  ])('gets a 422 that names the unit, for each field: %s, %d', async (unit, time) => {
    for (const field of fields) {
      const response = await collector.post(createReport({ [field]: time }))
      expect(response.status).toBe(422)
      const { errors } = await response.json()
      expect(errors).toEqual([
        { pointer: `#/${field}`, detail: expect.stringMatching(`looks like ${unit}; send milliseconds`) },
      ])
    }
    expect(await collector.database.readRows()).toEqual([])
  })

  test('is also refused from a server', async () => {
    const { token } = await issueToken(collector.store, { scope: 'write' })
    for (const field of fields) {
      const report = { site: 'acme', session: 'a', reason: 'revoked', [field]: seconds }
      const response = await collector.post(report, { Authorization: `Bearer ${token}` })
      expect(response.status).toBe(422)
      expect(await response.text()).toMatch('looks like seconds; send milliseconds')
    }
  })

  test('is refused if the iat of its ticket is in milliseconds', async () => {
    const ticket = await new SignJWT({ iss: 'signed', sub: 'u_7', iat: Date.now() })
      .setProtectedHeader({ alg: 'HS256', typ: 'lapse+jwt' })
      .sign(new TextEncoder().encode(environment.TICKET_SECRET))
    const response = await collector.post(createReport({ site: 'signed', ticket }))
    expect(response.status).toBe(401)
    expect(await response.text()).toMatch('looks like milliseconds')
  })

  test('is accepted from the first millisecond of 2000 on', async () => {
    const response = await collector.post(createReport({ startedAt: 946_684_800_000 }))
    expect(response.status).toBe(201)
  })
})

describe('Numeric ids', () => {
  let collector: InProcessCollector
  beforeAll(async () => {
    collector = await createCollector({ name: 'SQLite' })
  })
  afterAll(() => collector.end())

  test('equal the same ids as strings, in reports and in tickets', async () => {
    expect((await collector.post(createReport({ session: 42, subject: 7 }))).status).toBe(201)
    expect((await collector.post(createReport({ session: '42', subject: '7' }))).status).toBe(200)
    const key = new TextEncoder().encode(environment.TICKET_SECRET)
    const claims = { iss: 'signed', sub: 7, sid: 43, iat: Math.floor(Date.now() / 1000) - 7200 }
    // RFC 7519 and the types of jose allow only strings, but some hosts write numbers.
    const ticket = await new SignJWT(JSON.parse(JSON.stringify(claims)))
      .setProtectedHeader({ alg: 'HS256', typ: 'lapse+jwt' })
      .sign(key)
    expect((await collector.post(createReport({ site: 'signed', ticket }))).status).toBe(201)
    expect((await collector.post(createReport({ site: 'signed', session: 43, ticket }))).status).toBe(200)
    const { token } = await issueToken(collector.store, { scope: 'write' })
    const report = { site: 'acme', session: 44, subject: 7, reason: 'revoked' }
    expect((await collector.post(report, { Authorization: `Bearer ${token}` })).status).toBe(201)
    expect(await collector.database.readRows()).toMatchObject([
      { session_key: '42', session: '42', subject: '7' },
      { session_key: '43', session: '43', subject: '7', evidence: 'signed' },
      { session_key: '44', session: '44', subject: '7', evidence: 'server' },
    ])
  })

  test.each([
    ['a number that JSON would round', 2 ** 53, 'too large'],
    ['a fraction', 1.5, 'must be a string or an integer'],
    ['a boolean', true, 'must be a string or an integer'],
    ['an array', [42], 'must be a string or an integer'],
    ['an object', { id: 42 }, 'must be a string or an integer'],
  ])('are refused if the value is %s', async (_, id, words) => {
    for (const field of ['session', 'subject']) {
      const response = await collector.post(createReport({ [field]: id }))
      expect(response.status).toBe(422)
      const { errors } = await response.json()
      expect(errors).toEqual([{ pointer: `#/${field}`, detail: expect.stringMatching(words) }])
    }
  })
})
