import { createHmac, randomBytes } from 'node:crypto'
import { SignJWT } from 'jose'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { toStoredTime } from '../../../../test/databases.ts'
import { hashToken } from '../../src/auth/token.ts'
import { createCollector, createReport, type InProcessCollector, issueToken } from '../support/collector.ts'
import { postSignIn, postSignOut, readSetCookie } from '../support/dashboardCookie.ts'
import { dayMs, site } from '../support/dashboardPage.ts'

const sessionTable = 'session_audit_dashboard'

interface TicketClaims {
  readonly kid: string
  readonly sub: string
  readonly sid?: string | undefined
}

function signTicket(key: Uint8Array, { kid, sub, sid }: TicketClaims): Promise<string> {
  return new SignJWT({ ...(sid !== undefined && { sid }) })
    .setProtectedHeader({ alg: 'HS256', typ: 'lapse+jwt', kid })
    .setIssuer('lapse')
    .setSubject(sub)
    .setIssuedAt(Math.floor(Date.now() / 1000) - 3600)
    .sign(key)
}

describe.each(inject('databaseServers'))('On $name, a ticket of the dashboard', (server) => {
  let collector: InProcessCollector
  beforeAll(async () => {
    collector = await createCollector(server, { sites: { acme: site } })
  })
  afterAll(() => collector.end())

  async function signIn() {
    const { id, token } = await issueToken(collector.store)
    const response = await postSignIn(collector.url, token)
    const { ticket, session } = await response.json()
    return { tokenId: id, ticket, session: String(session), cookie: readSetCookie(response) }
  }

  const reportEnd = (changes: object) =>
    collector.post(createReport({ site: 'lapse', ...changes }), {
      Origin: collector.url,
      'Sec-Fetch-Site': 'same-origin',
    })

  async function readTicketKey(alias: string): Promise<Buffer> {
    const session = await collector.database.sql(sessionTable).where({ alias }).first()
    return Buffer.from(session.ticket_key, 'hex')
  }

  async function moveSessionBack(alias: string, days: number): Promise<void> {
    const { sql } = collector.database
    const time = toStoredTime(sql, Date.now() - days * dayMs)
    const changes = { signed_in_at: time, last_access_at: time }
    await sql(sessionTable).where({ alias }).update(changes)
  }

  test('reports only its own session, even if the report names another one', async () => {
    const own = await signIn()
    const other = await signIn()
    const report = { ticket: own.ticket, session: other.session, subject: other.tokenId }
    expect((await reportEnd(report)).status).toBe(201)
    const rows = (await collector.database.readRows()).filter((row) => row.site === 'lapse')
    expect(rows).toMatchObject([{ session: own.session, subject: own.tokenId, evidence: 'signed' }])
  })

  test('is rejected for the session of another token, even if it is signed with a valid key', async () => {
    const own = await signIn()
    const other = await signIn()
    const key = await readTicketKey(own.session)
    const validClaims = { kid: own.session, sub: own.tokenId, sid: own.session }
    expect((await reportEnd({ ticket: await signTicket(key, validClaims) })).status).toBe(201)
    for (const changes of [
      { sub: other.tokenId },
      { sid: other.session },
      { sub: other.tokenId, sid: other.session },
      { kid: other.session, sub: other.tokenId, sid: other.session },
      { kid: other.session },
      { sid: undefined },
      { kid: own.tokenId },
      { kid: `${own.session}' or '1'='1` },
      { kid: 'x'.repeat(5000) },
    ]) {
      const ticket = await signTicket(key, { ...validClaims, ...changes })
      const { status } = await reportEnd({ ticket })
      expect({ changes, status }).toEqual({ changes, status: 401 })
    }
  })

  test('is rejected if its key is derived from a token that is not signed in', async () => {
    const other = await signIn()
    const { id, token } = await issueToken(collector.store, { scope: 'write' })
    const hash = Buffer.from(hashToken(token), 'hex')
    const derivedKey = createHmac('sha256', hash).update('lapse+jwt').digest()
    for (const key of [derivedKey, hash, randomBytes(32), Buffer.alloc(32)]) {
      for (const kid of [id, other.session]) {
        const ticket = await signTicket(key, { kid, sub: other.tokenId, sid: other.session })
        expect((await reportEnd({ ticket })).status).toBe(401)
      }
    }
  })

  test('still reports its session after the sign-out and after its token was revoked', async () => {
    const { tokenId, ticket, session, cookie } = await signIn()
    await postSignOut(collector.url, cookie)
    await collector.store.tokens.revoke(tokenId, new Date())
    expect((await reportEnd({ ticket })).status).toBe(201)
    const rows = await collector.database.readRows()
    expect(rows.at(-1)).toMatchObject({ session, subject: tokenId, evidence: 'signed' })
  })

  test('still reports its session a month later, before old sessions are deleted', async () => {
    const { ticket, session } = await signIn()
    await moveSessionBack(session, 31)
    await signIn()
    expect((await reportEnd({ ticket })).status).toBe(201)
    // A sign-in deletes old sessions.
    await moveSessionBack(session, 41)
    await signIn()
    expect(await collector.database.sql(sessionTable).where({ alias: session })).toEqual([])
  })
})
