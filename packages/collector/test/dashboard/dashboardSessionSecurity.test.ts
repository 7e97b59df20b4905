import { createHash, createHmac } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { SignJWT } from 'jose'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { hashToken, type Token } from '../../src/auth/token.ts'
import { parseConfig, startCollector } from '../../src/index.ts'
import {
  createCollector,
  createConfig,
  createReport,
  type InProcessCollector,
  issueToken,
} from '../support/collector.ts'
import {
  allowedEverywhere,
  postSignIn,
  postSignOut,
  readSetCookie,
  refusedEverywhere,
  requestReadPaths,
} from '../support/dashboardCookie.ts'
import { insertRows } from '../support/rows.ts'

const site = { origins: ['https://app.acme.com'], idleTimeoutSeconds: 1800 }

describe.each(inject('databaseServers'))('On $name,', (server) => {
  let collector: InProcessCollector
  beforeAll(async () => {
    const lapse = { origins: ['https://lapse.acme.com'], idleTimeoutSeconds: 2, absoluteTimeoutSeconds: 4 }
    collector = await createCollector(server, { sites: { acme: site, lapse } })
    await insertRows(collector.database.sql, [{ session: 'alias-1', detected_at: Date.now() - 1000 }])
  })
  afterAll(() => collector.end())

  const issue = (changes: Partial<Token> = {}) => issueToken(collector.store, changes)
  const signIn = (token: string, headers?: Record<string, string>) =>
    postSignIn(collector.url, token, headers)
  const readWith = (cookie: string, headers?: Record<string, string>) =>
    requestReadPaths(collector.url, cookie, headers)

  /** Signs a cookie as the collector did before it stored sessions in the database. */
  function forgeCookie(hash: string, tokenId: string): Promise<string> {
    const key = createHmac('sha256', Buffer.from(hash, 'hex')).update('lapse-session+jwt').digest()
    const now = Math.floor(Date.now() / 1000)
    return new SignJWT({ sid: 'forged', iat: now, exp: Date.UTC(9999, 0) / 1000 })
      .setProtectedHeader({ alg: 'HS256', typ: 'lapse-session+jwt', kid: tokenId })
      .sign(key)
  }

  test.each(['write', 'read'] as const)(
    'a cookie that is signed with the hash of a %s token grants no access',
    async (scope) => {
      const { id, token } = await issue({ scope })
      const forged = await forgeCookie(hashToken(token), id)
      expect(await readWith(`lapse-dashboard=${forged}`)).toEqual(refusedEverywhere)
    },
  )

  test('a write token cannot sign in to the dashboard', async () => {
    const { token } = await issue({ scope: 'write' })
    const response = await signIn(token)
    expect({ status: response.status, setCookie: response.headers.get('set-cookie') }).toEqual({
      status: 403,
      setCookie: null,
    })
  })

  test('reports about dashboard sessions require a ticket or a write token for the site "lapse"', async () => {
    const reportWithoutTicket = await collector.post(createReport({ site: 'lapse' }), {})
    expect(reportWithoutTicket.status).toBe(401)
    const reportWithToken = async (tokenSite: string | null) => {
      const { token } = await issue({ scope: 'write', site: tokenSite })
      const report = { site: 'lapse', session: 'invented', detectedBy: 'server', reason: 'logout' }
      return (await collector.post(report, { Authorization: `Bearer ${token}` })).status
    }
    expect({
      tokenForAllSites: await reportWithToken(null),
      tokenForAnotherSite: await reportWithToken('acme'),
      tokenForLapse: await reportWithToken('lapse'),
    }).toEqual({ tokenForAllSites: 403, tokenForAnotherSite: 403, tokenForLapse: 201 })
    await collector.database.sql('session_audit').where({ site: 'lapse' }).delete()
  })

  test('a session ends immediately when its token loses the "read" scope', async () => {
    const { id, token } = await issue()
    const cookie = readSetCookie(await signIn(token))
    expect(await readWith(cookie)).toEqual(allowedEverywhere)
    await collector.database.sql('session_audit_tokens').where({ id }).update({ scope: 'write' })
    expect(await readWith(cookie)).toEqual(refusedEverywhere)
  })

  test('a copied cookie grants no access after the sign-out', async () => {
    const { token } = await issue()
    const cookie = readSetCookie(await signIn(token))
    expect(await readWith(cookie)).toEqual(allowedEverywhere)
    expect((await postSignOut(collector.url, cookie)).status).toBe(204)
    expect(await readWith(cookie)).toEqual(refusedEverywhere)
    const session = await fetch(`${collector.url}/dashboard/session`, { headers: { Cookie: cookie } })
    expect(session.status).toBe(204)
  })

  test('a copied cookie grants no access after its browser has signed in again', async () => {
    const { token } = await issue()
    const firstCookie = readSetCookie(await signIn(token))
    const secondCookie = readSetCookie(await signIn(token, { Cookie: firstCookie }))
    expect(await readWith(firstCookie)).toEqual(refusedEverywhere)
    expect(await readWith(secondCookie)).toEqual(allowedEverywhere)
  })

  test('a cookie grants no access after its token was revoked or has expired', async () => {
    const revoked = await issue()
    const expiring = await issue({ expiresAt: new Date(Date.now() + 1500) })
    const cookies = [readSetCookie(await signIn(revoked.token)), readSetCookie(await signIn(expiring.token))]
    for (const cookie of cookies) expect(await readWith(cookie)).toEqual(allowedEverywhere)
    await collector.store.tokens.revoke(revoked.id, new Date())
    await sleep(1500)
    for (const cookie of cookies) expect(await readWith(cookie)).toEqual(refusedEverywhere)
  })

  test('a sign-out ends the session on every replica', async () => {
    const config = parseConfig(createConfig(collector.database.url, { sites: { acme: site } }), {})
    const replica = await startCollector(config, pino({ level: 'silent' }))
    onTestFinished(replica.close)
    const cookie = readSetCookie(await signIn((await issue()).token))
    const readFromReplica = async () =>
      (await fetch(`${replica.url}/v1/lapses`, { headers: { Cookie: cookie } })).status
    expect(await readFromReplica()).toBe(200)
    await postSignOut(collector.url, cookie)
    expect(await readFromReplica()).toBe(401)
  })

  test('requests do not extend a session beyond its absolute timeout', async () => {
    const { token } = await issue()
    const cookie = readSetCookie(await signIn(token))
    const signedInAt = Date.now()
    let lastStatuses = {}
    while (Date.now() < signedInAt + 3500) {
      const statuses = await readWith(cookie)
      // On a slow machine, responses may arrive after the timeout.
      if (Date.now() < signedInAt + 4000) lastStatuses = statuses
      await sleep(250)
    }
    expect(lastStatuses).toEqual(allowedEverywhere)
    await sleep(signedInAt + 4100 - Date.now())
    expect(await readWith(cookie)).toEqual(refusedEverywhere)
  })

  test('background requests do not extend a session beyond its idle timeout', async () => {
    const { token } = await issue()
    const cookie = readSetCookie(await signIn(token))
    const signedInAt = Date.now()
    while (Date.now() < signedInAt + 1700) {
      const statuses = await readWith(cookie, { 'Lapse-Unattended': '1' })
      // On a slow machine, responses may arrive after the timeout.
      if (Date.now() < signedInAt + 2000) expect(statuses).toEqual(allowedEverywhere)
      await sleep(250)
    }
    await sleep(signedInAt + 2200 - Date.now())
    expect(await readWith(cookie)).toEqual(refusedEverywhere)
  })

  test.each([
    { property: 'is empty', value: '' },
    { property: 'is as long as headers may be', value: 'x'.repeat(12_000) },
    { property: 'is a JWT', value: `${'e'.repeat(40)}.e30.AAAA` },
    { property: 'contains SQL', value: `' or 1=1 -- ${'x'.repeat(31)}` },
    { property: 'ends with a quote', value: `${'x'.repeat(42)}'` },
    { property: 'ends with a backslash', value: `${'x'.repeat(42)}\\` },
    { property: 'starts with a percent sign', value: `%${'x'.repeat(42)}` },
    { property: 'is quoted', value: `"${'x'.repeat(43)}"` },
    { property: 'is one byte too long', value: 'x'.repeat(44) },
    { property: 'has the right format but was never issued', value: 'x'.repeat(43) },
    { property: 'is not ASCII', value: `${'x'.repeat(42)}\u00e9` },
    { property: 'is the name of an inherited property', value: '__proto__' },
  ])('a cookie that $property grants no access', async ({ value }) => {
    expect(await readWith(`lapse-dashboard=${value}`)).toEqual(refusedEverywhere)
  })

  test('the database contains nothing that works as a cookie', async () => {
    const { token } = await issue()
    const cookie = readSetCookie(await signIn(token))
    const { sql } = collector.database
    const tables = [await sql('session_audit_dashboard'), await sql('session_audit_tokens')]
    const values = tables.flat().flatMap((row) => Object.values(row))
    const texts = values.filter((value): value is string => typeof value === 'string' && value !== '')
    expect(texts.length).toBeGreaterThan(4)
    for (const text of new Set(texts)) {
      const bytes = Buffer.from(text, 'hex')
      const candidates = [text, bytes.toString('base64url'), createHash('sha256').update(text).digest('hex')]
      for (const value of candidates.filter((candidate) => !/[^\w-]/.test(candidate))) {
        const headers = { Cookie: `lapse-dashboard=${value}` }
        const { status } = await fetch(`${collector.url}/v1/lapses`, { headers })
        expect({ value, status }).toEqual({ value, status: 401 })
      }
    }
    expect(JSON.stringify(tables)).not.toContain(cookie.split('=')[1])
    expect(JSON.stringify(tables)).not.toContain(token.slice(-43))
  })

  test('a session stays ended if other requests arrive during its sign-out', async () => {
    const { token } = await issue()
    const cookies = await Promise.all(
      Array.from({ length: 8 }, async () => readSetCookie(await signIn(token))),
    )
    expect(new Set(cookies).size).toBe(cookies.length)
    await Promise.all(
      cookies.flatMap((cookie) => [readWith(cookie), postSignOut(collector.url, cookie), readWith(cookie)]),
    )
    for (const cookie of cookies) expect(await readWith(cookie)).toEqual(refusedEverywhere)
    expect(await readWith(readSetCookie(await signIn(token)))).toEqual(allowedEverywhere)
  })
})
