import { createHmac, createSecretKey } from 'node:crypto'
import fc from 'fast-check'
import { type JWTVerifyOptions, jwtVerify, SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { verifyHmac } from '../../src/domain/hmacTicket.ts'

const secret = createSecretKey('a secret of at least 32 bytes, for tests', 'utf8')
const now = 1_700_000_000
const options: JWTVerifyOptions = {
  algorithms: ['HS256'],
  typ: 'lapse+jwt',
  issuer: 'acme',
  requiredClaims: ['sub', 'iat'],
  clockTolerance: 60,
  currentDate: new Date(now * 1000),
}
const claims = { iss: 'acme', sub: 'u_42', iat: now - 60, exp: now + 3600 }

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

function sign(header: unknown, payload: unknown): string {
  const signed = `${encode(header)}.${encode(payload)}`
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
}

/** @returns the payload, the error as text, or undefined if the ticket is left to jose. */
function readWithHmac(ticket: string, key = secret, given = options): unknown {
  try {
    return verifyHmac(ticket, key, given)
  } catch (error) {
    return String(error)
  }
}

function readWithJose(ticket: string): Promise<unknown> {
  return jwtVerify(ticket, secret, options).then(({ payload }) => payload, String)
}

/** Generates mostly `value`, and one of the others now and then. */
const createLikely = <Value>(value: Value, ...others: readonly Value[]) =>
  fc.oneof({ weight: 8, arbitrary: fc.constant(value) }, { weight: 1, arbitrary: fc.constantFrom(...others) })

describe('The HMAC of a ticket', () => {
  test('verifies what jose has signed', async () => {
    const ticket = await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256', typ: 'lapse+jwt', kid: 'k1' })
      .sign(secret)
    expect(readWithHmac(ticket)).toEqual(claims)
  })

  // RFC 7515, appendix A.1.
  test('verifies the example of RFC 7515', () => {
    const key = createSecretKey(
      'AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow',
      'base64url',
    )
    const ticket = [
      'eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9',
      'eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ',
      'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
    ].join('.')
    const given = { typ: 'JWT', issuer: 'joe', currentDate: new Date(1_300_819_000_000) }
    expect(readWithHmac(ticket, key, given)).toMatchObject({ iss: 'joe', exp: 1_300_819_380 })
    expect(readWithHmac(`${ticket.slice(0, -1)}l`, key, given)).toBeUndefined()
  })

  test.each<[name: string, ticket: string]>([
    [
      'an extension that must be understood',
      sign({ alg: 'HS256', typ: 'lapse+jwt', crit: ['x'], x: 1 }, claims),
    ],
    ['another algorithm', sign({ alg: 'HS512', typ: 'lapse+jwt' }, claims)],
    ['no algorithm', sign({ alg: 'none', typ: 'lapse+jwt' }, claims)],
    ['a header that is no JSON', `e30x.${sign({}, claims).split('.').slice(1).join('.')}`],
    ['another part', `${sign({ alg: 'HS256', typ: 'lapse+jwt' }, claims)}.e30`],
    ['padding', `${sign({ alg: 'HS256', typ: 'lapse+jwt' }, claims)}=`],
    ['no signature', sign({ alg: 'HS256', typ: 'lapse+jwt' }, claims).replace(/[^.]*$/, '')],
  ])('leaves a ticket with %s to jose', (_, ticket) => {
    expect(readWithHmac(ticket)).toBeUndefined()
  })

  test('never accepts what jose refuses, and reads the same claims', async () => {
    // JSON leaves out what is undefined.
    const header = fc.record({
      alg: createLikely('HS256', 'HS512', 'none'),
      typ: createLikely<unknown>('lapse+jwt', 'application/lapse+jwt', 'JWT', undefined),
      kid: fc.constantFrom('k1', 'k2', undefined),
      crit: createLikely<unknown>(undefined, ['exp'], []),
      b64: createLikely<unknown>(undefined, true, false),
    })
    const times = [now - 7200, now - 30, now, now + 30, now + 7200, String(now), -1, undefined]
    const payload = fc.record({
      iss: createLikely<unknown>('acme', 'other', ['acme'], undefined),
      sub: createLikely<unknown>('u_42', 42, undefined),
      iat: createLikely<unknown>(now, ...times),
      exp: fc.constantFrom(...times),
      nbf: fc.constantFrom(...times),
    })
    const change = fc.option(
      fc.record({ at: fc.nat(400), text: fc.constantFrom('', 'A', '.', '=', ' ', '+') }),
      { freq: 2 },
    )
    let accepted = 0
    await fc.assert(
      fc.asyncProperty(header, payload, change, async (head, body, changed) => {
        const signed = sign(head, body)
        const ticket = changed
          ? signed.slice(0, changed.at) + changed.text + signed.slice(changed.at + 1)
          : signed
        const read = readWithHmac(ticket)
        if (read !== undefined) expect(await readWithJose(ticket)).toEqual(read)
        if (typeof read === 'object') accepted += 1
      }),
      { numRuns: 2_000 },
    )
    expect(accepted).toBeGreaterThan(100)
  })
})
