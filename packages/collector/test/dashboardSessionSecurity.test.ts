import { createHash, createHmac, randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { SignJWT } from 'jose'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { parseConfig, startCollector } from '../src/index.ts'
import { hashToken, type Token } from '../src/lapse/token.ts'
import { createCollector, eventOf, issueToken, type TestCollector, writtenConfig } from './collector.ts'
import { cookieOf, postSignIn, readPaths, signOutWith } from './dashboardCookie.ts'
import { insertRows } from './rows.ts'

const site = { origins: ['https://app.acme.com'], idleTimeoutSeconds: 1800 }
const sessionTable = 'session_audit_dashboard'

describe.each(inject('databaseServers'))('attacks on the dashboard session, on $name', (server) => {
  let collector: TestCollector
  beforeAll(async () => {
    const lapse = { origins: ['https://lapse.acme.com'], idleTimeoutSeconds: 2, absoluteTimeoutSeconds: 4 }
    collector = await createCollector(server, { sites: { acme: site, lapse } })
    await insertRows(collector.database.sql, [{ session: 'alias-1', detected_at: Date.now() - 1000 }])
  })
  afterAll(() => collector.end())

  const issue = (changes: Partial<Token> = {}) => issueToken(collector.store, changes)
  const signIn = (token: string, headers?: Record<string, string>) =>
    postSignIn(collector.url, token, headers)

  /** The statuses of everything that can be read. `X-Forwarded-For` makes `/metrics` ask for credentials. */
  async function readWith(cookie: string, headers: Record<string, string> = {}): Promise<number[]> {
    const responses = await Promise.all(
      readPaths.map((path) =>
        fetch(`${collector.url}${path}`, {
          headers: { Cookie: cookie, 'X-Forwarded-For': '203.0.113.7', ...headers },
        }),
      ),
    )
    await Promise.all(responses.map((response) => response.arrayBuffer()))
    return responses.map(({ status }) => status)
  }
  const allRefused = readPaths.map(() => 401)
  const allRead = readPaths.map(() => 200)

  /** A signed cookie, as the collector made them before sessions were stored. */
  function forgeCookie(hash: string, tokenId: string): Promise<string> {
    const key = createHmac('sha256', Buffer.from(hash, 'hex')).update('lapse-session+jwt').digest()
    const now = Math.floor(Date.now() / 1000)
    return new SignJWT({ sid: 'forged', iat: now, exp: Date.UTC(9999, 0) / 1000 })
      .setProtectedHeader({ alg: 'HS256', typ: 'lapse-session+jwt', kid: tokenId })
      .sign(key)
  }

  test.each(['write', 'read'] as const)(
    'a cookie that is signed with the hash of a %s token reads nothing',
    async (scope) => {
      const { id, token } = await issue({ scope })
      const forged = await forgeCookie(hashToken(token), id)
      expect(await readWith(`lapse-dashboard=${forged}`)).toEqual(allRefused)
    },
  )

  test('a write token cannot sign in', async () => {
    const { token } = await issue({ scope: 'write' })
    const response = await signIn(token)
    expect([response.status, response.headers.get('set-cookie')]).toEqual([403, null])
  })

  test('nobody adds to the audit of the dashboard without its ticket, or a token for it', async () => {
    const event = eventOf({ site: 'lapse' })
    expect((await collector.post(event, {})).status).toBe(401)
    const fromServer = { site: 'lapse', session: 'invented', detectedBy: 'server', reason: 'logout' }
    for (const [tokenSite, status] of [
      [null, 403],
      ['acme', 403],
      ['lapse', 201],
    ] as const) {
      const { token } = await issue({ scope: 'write', site: tokenSite })
      const response = await collector.post(fromServer, { Authorization: `Bearer ${token}` })
      expect([tokenSite, response.status]).toEqual([tokenSite, status])
    }
    await collector.database.sql('session_audit').where({ site: 'lapse' }).delete()
  })

  test('a session ends at once when its token loses the scope "read"', async () => {
    const { id, token } = await issue()
    const cookie = cookieOf(await signIn(token))
    expect(await readWith(cookie)).toEqual(allRead)
    await collector.database.sql('session_audit_tokens').where({ id }).update({ scope: 'write' })
    expect(await readWith(cookie)).toEqual(allRefused)
  })

  test('a copy of the cookie reads nothing after the sign-out', async () => {
    const { token } = await issue()
    const cookie = cookieOf(await signIn(token))
    expect(await readWith(cookie)).toEqual(allRead)
    expect((await signOutWith(collector.url, cookie)).status).toBe(204)
    expect(await readWith(cookie)).toEqual(allRefused)
    const session = await fetch(`${collector.url}/dashboard/session`, { headers: { Cookie: cookie } })
    expect(session.status).toBe(204)
  })

  test('a copy of the cookie reads nothing once its browser has signed in again', async () => {
    const { token } = await issue()
    const first = cookieOf(await signIn(token))
    const second = cookieOf(await signIn(token, { Cookie: first }))
    expect(await readWith(first)).toEqual(allRefused)
    expect(await readWith(second)).toEqual(allRead)
  })

  test('a cookie reads nothing after its token was revoked, or has expired', async () => {
    const revoked = await issue()
    const expiring = await issue({ expiresAt: new Date(Date.now() + 1500) })
    const cookies = [cookieOf(await signIn(revoked.token)), cookieOf(await signIn(expiring.token))]
    for (const cookie of cookies) expect(await readWith(cookie)).toEqual(allRead)
    await collector.store.revokeToken(revoked.id)
    await sleep(1500)
    for (const cookie of cookies) expect(await readWith(cookie)).toEqual(allRefused)
  })

  test('a sign-out ends the session on every replica', async () => {
    const written = writtenConfig(collector.database.url, { sites: { acme: site } })
    const replica = await startCollector(parseConfig(written, {}), pino({ level: 'silent' }))
    onTestFinished(replica.close)
    const cookie = cookieOf(await signIn((await issue()).token))
    const readThere = async () =>
      (await fetch(`${replica.url}/v1/lapses`, { headers: { Cookie: cookie } })).status
    expect(await readThere()).toBe(200)
    await signOutWith(collector.url, cookie)
    expect(await readThere()).toBe(401)
  })

  test('a client that keeps asking does not outlive the absolute limit', async () => {
    const { token } = await issue()
    const cookie = cookieOf(await signIn(token))
    const signedInAt = Date.now()
    let last: number[] = []
    while (Date.now() < signedInAt + 3500) {
      last = await readWith(cookie)
      await sleep(250)
    }
    expect(last).toEqual(allRead)
    await sleep(signedInAt + 4100 - Date.now())
    expect(await readWith(cookie)).toEqual(allRefused)
  })

  test('requests that nobody made do not put off the idle limit', async () => {
    const { token } = await issue()
    const cookie = cookieOf(await signIn(token))
    const signedInAt = Date.now()
    while (Date.now() < signedInAt + 1700) {
      expect(await readWith(cookie, { 'Lapse-Unattended': '1' })).toEqual(allRead)
      await sleep(250)
    }
    await sleep(signedInAt + 2200 - Date.now())
    expect(await readWith(cookie)).toEqual(allRefused)
  })

  test.each([
    ['is empty', ''],
    ['is as long as headers may be', 'x'.repeat(12_000)],
    ['is a JWT', `${'e'.repeat(40)}.e30.AAAA`],
    ['is one of SQL', `' or 1=1 -- ${'x'.repeat(31)}`],
    ['ends in a quote', `${'x'.repeat(42)}'`],
    ['ends in a backslash', `${'x'.repeat(42)}\\`],
    ['has a percent sign', `%${'x'.repeat(42)}`],
    ['is in quotes', `"${'x'.repeat(43)}"`],
    ['is a byte too long', 'x'.repeat(44)],
    ['is of the right form, but was never issued', 'x'.repeat(43)],
    ['is not ASCII', `${'x'.repeat(42)}\u00e9`],
    ['is the name of a member of every object', '__proto__'],
  ])('a cookie that %s reads nothing', async (_, value) => {
    expect(await readWith(`lapse-dashboard=${value}`)).toEqual(allRefused)
  })

  test('copies of the tables are not enough to make a cookie', async () => {
    const { token } = await issue()
    const cookie = cookieOf(await signIn(token))
    const { sql } = collector.database
    const tables = [await sql(sessionTable), await sql('session_audit_tokens')]
    const stored = tables.flat().flatMap((row) => Object.values(row))
    const texts = stored.filter((value): value is string => typeof value === 'string' && value !== '')
    expect(texts.length).toBeGreaterThan(4)
    for (const text of new Set(texts)) {
      const bytes = Buffer.from(text, 'hex')
      const candidates = [text, bytes.toString('base64url'), createHash('sha256').update(text).digest('hex')]
      for (const value of candidates.filter((candidate) => !/[^\w-]/.test(candidate))) {
        const response = await fetch(`${collector.url}/v1/lapses`, {
          headers: { Cookie: `lapse-dashboard=${value}` },
        })
        expect([value, response.status]).toEqual([value, 401])
      }
    }
    expect(JSON.stringify(tables)).not.toContain(cookie.split('=')[1])
    expect(JSON.stringify(tables)).not.toContain(token.slice(-43))
  })

  test('a session that is signed out while others ask for it stays ended', async () => {
    const { token } = await issue()
    const cookies = await Promise.all(Array.from({ length: 8 }, async () => cookieOf(await signIn(token))))
    expect(new Set(cookies).size).toBe(cookies.length)
    await Promise.all(
      cookies.flatMap((cookie) => [readWith(cookie), signOutWith(collector.url, cookie), readWith(cookie)]),
    )
    for (const cookie of cookies) expect(await readWith(cookie)).toEqual(allRefused)
    expect(await readWith(cookieOf(await signIn(token)))).toEqual(allRead)
  })

  describe('a ticket of the dashboard', () => {
    async function signInAs(changes: Partial<Token> = {}) {
      const { id, token } = await issue(changes)
      const response = await signIn(token)
      const { ticket, session } = await response.json()
      return { id, token, ticket, session: String(session), cookie: cookieOf(response) }
    }
    const report = (changes: object) =>
      collector.post(eventOf({ site: 'lapse', ...changes }), {
        Origin: collector.url,
        'Sec-Fetch-Site': 'same-origin',
      })
    const keyOf = async (alias: string) =>
      Buffer.from((await collector.database.sql(sessionTable).where({ alias }).first()).ticket_key, 'hex')

    function sign(key: Uint8Array, claims: { kid: string; sub: string; sid?: string }): Promise<string> {
      const { kid, sub, sid } = claims
      return new SignJWT({ ...(sid !== undefined && { sid }) })
        .setProtectedHeader({ alg: 'HS256', typ: 'lapse+jwt', kid })
        .setIssuer('lapse')
        .setSubject(sub)
        .setIssuedAt(Math.floor(Date.now() / 1000) - 3600)
        .sign(key)
    }

    test('reports its own session only, whatever the rest of the event says', async () => {
      const [mine, other] = [await signInAs(), await signInAs()]
      const response = await report({ ticket: mine.ticket, session: other.session, subject: other.id })
      expect(response.status).toBe(201)
      const rows = (await collector.database.rows()).filter((row) => row.site === 'lapse')
      expect(rows).toMatchObject([{ session: mine.session, subject: mine.id, evidence: 'signed' }])
    })

    test('is refused for the session of another token, even with the key of its own', async () => {
      const [mine, other] = [await signInAs(), await signInAs()]
      const key = await keyOf(mine.session)
      const own = { kid: mine.session, sub: mine.id, sid: mine.session }
      expect((await report({ ticket: await sign(key, own) })).status).toBe(201)
      for (const changes of [
        { sub: other.id },
        { sid: other.session },
        { sub: other.id, sid: other.session },
        { kid: other.session, sub: other.id, sid: other.session },
        { kid: other.session },
        { sid: undefined },
        { kid: mine.id },
        { kid: `${mine.session}' or '1'='1` },
        { kid: 'x'.repeat(5000) },
      ]) {
        const { sid, ...claims } = { ...own, ...changes }
        const ticket = await sign(key, { ...claims, ...(sid !== undefined && { sid }) })
        expect([changes, (await report({ ticket })).status]).toEqual([changes, 401])
      }
    })

    test('cannot be signed by a token that is not signed in', async () => {
      const other = await signInAs()
      const { id, token } = await issue({ scope: 'write' })
      const derived = createHmac('sha256', Buffer.from(hashToken(token), 'hex'))
        .update('lapse+jwt')
        .digest()
      for (const key of [derived, Buffer.from(hashToken(token), 'hex'), randomBytes(32), Buffer.alloc(32)])
        for (const kid of [id, other.session]) {
          const ticket = await sign(key, { kid, sub: other.id, sid: other.session })
          expect((await report({ ticket })).status).toBe(401)
        }
    })

    test('still reports the session after the sign-out, and after the token was revoked', async () => {
      const { id, ticket, session, cookie } = await signInAs()
      await signOutWith(collector.url, cookie)
      await collector.store.revokeToken(id)
      expect((await report({ ticket })).status).toBe(201)
      const rows = await collector.database.rows()
      expect(rows.at(-1)).toMatchObject({ session, subject: id, evidence: 'signed' })
    })

    test('still reports the session a month later, though others have signed in since', async () => {
      const { ticket, session } = await signInAs()
      const { sql } = collector.database
      await moveBack(session, 31)
      await signInAs()
      expect((await report({ ticket })).status).toBe(201)
      await moveBack(session, 41)
      await signInAs()
      expect(await sql(sessionTable).where({ alias: session })).toEqual([])
    })

    async function moveBack(alias: string, days: number): Promise<void> {
      const at = new Date(Date.now() - days * 86_400_000)
      const time = server.url === undefined ? at.toISOString() : at
      const row = { signed_in_at: time, last_access_at: time }
      await collector.database.sql(sessionTable).where({ alias }).update(row)
    }
  })
})
