import { SignJWT } from 'jose'
import { describe, expect, test } from 'vitest'
import { createTicketVerifier } from '../../src/recording/ticketVerifier.ts'

const secret = new TextEncoder().encode('a secret of the tests, 32 bytes or more')
const start = 1_800_000_000_000
const minute = 60_000

/** Creates a verifier, and counts how often it looks up the key of a ticket. */
function createCountingVerifier(limit?: number) {
  const verify = createTicketVerifier(limit)
  let lookups = 0
  const key = async () => {
    lookups += 1
    return crypto.subtle.importKey('raw', secret, { name: 'HMAC', hash: 'SHA-256' }, false, ['verify'])
  }
  return {
    verify: (ticket: string, now = start, site = 'acme') =>
      verify(ticket, { site, keys: [{ alg: 'HS256', key }], now }),
    get lookups() {
      return lookups
    },
  }
}

const sign = (sub: string, expiresAfterMs?: number) => {
  const ticket = new SignJWT({ iss: 'acme', sub })
    .setProtectedHeader({ alg: 'HS256', typ: 'lapse+jwt' })
    .setIssuedAt(start / 1000)
  if (expiresAfterMs !== undefined) ticket.setExpirationTime((start + expiresAfterMs) / 1000)
  return ticket.sign(secret)
}

describe('A ticket that comes with many reports', () => {
  test('is verified once in five minutes, if its key is looked up', async () => {
    const verifier = createCountingVerifier()
    const ticket = await sign('u_42')
    for (const now of [start, start + minute, start + 4 * minute])
      expect(await verifier.verify(ticket, now)).toMatchObject({ subject: 'u_42', hasExpired: false })
    expect(verifier.lookups).toBe(1)
    await verifier.verify(ticket, start + 5 * minute)
    expect(verifier.lookups).toBe(2)
  })

  test('is not remembered beyond its expiry', async () => {
    const verifier = createCountingVerifier()
    const ticket = await sign('u_42', minute)
    await verifier.verify(ticket)
    expect(await verifier.verify(ticket, start + 3 * minute)).toMatchObject({ hasExpired: true })
    expect(verifier.lookups).toBe(2)
  })

  test('of one site is not remembered for another one', async () => {
    const verifier = createCountingVerifier()
    const ticket = await sign('u_42')
    await verifier.verify(ticket)
    await expect(verifier.verify(ticket, start, 'other')).rejects.toMatchObject({ code: 'ticket-refused' })
  })

  test('that was refused is not remembered', async () => {
    const verifier = createCountingVerifier()
    const forged = `${await sign('u_42')}x`
    for (let times = 0; times < 2; times++)
      await expect(verifier.verify(forged)).rejects.toMatchObject({ code: 'ticket-refused' })
    expect(verifier.lookups).toBe(2)
  })

  test('is forgotten when the limit is reached and others were used more recently', async () => {
    const verifier = createCountingVerifier(2)
    const [first, second, third] = await Promise.all(['u_1', 'u_2', 'u_3'].map((sub) => sign(sub)))
    for (const ticket of [first, second, first, third, first]) await verifier.verify(ticket ?? '')
    expect(verifier.lookups).toBe(3)
    await verifier.verify(second ?? '')
    expect(verifier.lookups).toBe(4)
  })
})
