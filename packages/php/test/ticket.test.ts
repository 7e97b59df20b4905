import { randomUUID } from 'node:crypto'
import { decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type PhpCollector, startPhpCollector, ticketSecret } from './phpCollector.ts'
import { runLapsePhp } from './runPhp.ts'

const args = { site: 'acme', collector: 'https://lapse.acme.com', ticketSecret, idleTimeoutSeconds: 1800 }
const key = new TextEncoder().encode(ticketSecret)

async function sign(call: string, changes: object = {}): Promise<string> {
  const { output, log } = await runLapsePhp({ ...args, ...changes }, `echo $lapse->ticket(${call});`)
  expect(log).toBe('')
  return output
}

describe('A ticket signed with PHP', () => {
  test('is verified by jose and has the claims that the collector reads', async () => {
    const ticket = await sign(`subject: 42, session: 'a1f', startedAt: 1767340800999`, {
      absoluteTimeoutSeconds: 43_200,
    })
    expect(decodeProtectedHeader(ticket)).toEqual({ alg: 'HS256', typ: 'lapse+jwt' })
    const { payload } = await jwtVerify(ticket, key, { typ: 'lapse+jwt', issuer: 'acme' })
    expect(payload).toEqual({
      iss: 'acme',
      sub: '42',
      sid: 'a1f',
      iat: 1_767_340_800,
      idle: 1800,
      abs: 43_200,
    })
  })

  test('is the same each time, if the time of the sign-in is given', async () => {
    const call = `'u_42', 'a1f', 1767340800000`
    expect(await sign(call)).toBe(await sign(call))
  })

  test('starts now without the time of the sign-in', async () => {
    const { payload } = await jwtVerify(await sign(`'u_42', 'a1f'`), key)
    expect(Math.abs((payload.iat ?? 0) * 1000 - Date.now())).toBeLessThan(30_000)
  })

  test('keeps every character of the ids', async () => {
    const id = `é "/\\'><script>😀`
    const script = `echo $lapse->ticket(getenv('ID'), 'a1f');`
    const { output } = await runLapsePhp(args, script, { environment: { ID: id } })
    const { payload } = await jwtVerify(output, key)
    expect(payload.sub).toBe(id)
  })

  describe('sent to a collector', () => {
    let collector: PhpCollector
    beforeAll(async () => {
      collector = await startPhpCollector({ requireTicket: true })
    })
    afterAll(() => collector.end())

    const post = (ticket: string) => {
      const now = Date.now()
      return fetch(`${collector.url}/v1/lapses`, {
        method: 'POST',
        headers: { Origin: 'https://app.acme.com' },
        body: JSON.stringify({
          ...{ site: 'acme', marker: randomUUID(), detectedBy: 'login_page', ticket },
          ...{ startedAt: now - 3_600_000, lastAccessAt: now - 3_000_000, detectedAt: now, sentAt: now },
        }),
      })
    }

    test('makes a signed row of the report of a browser', async () => {
      const ticket = await sign(`42, 'a1f', ${Date.now() - 3_600_000}`)
      expect((await post(ticket)).status).toBe(201)
      expect(await collector.database.readRows()).toMatchObject([
        { session: 'a1f', subject: '42', evidence: 'signed', reason: 'idle_timeout' },
      ])
    })

    test('is refused if it was signed with another secret or for another site', async () => {
      for (const changes of [{ ticketSecret: 'another secret, 32 bytes or more.' }, { site: 'other' }])
        expect((await post(await sign(`42, 'b2e'`, changes))).status).toBe(401)
    })
  })
})
