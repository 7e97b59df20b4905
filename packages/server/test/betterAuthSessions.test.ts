import { createHash } from 'node:crypto'
import { createServer } from 'node:http'
import { DatabaseSync } from 'node:sqlite'
import { createLapseServer } from '@lapse/server'
import { getLapseSession, lapsePlugin } from '@lapse/server/better-auth'
import { betterAuth } from 'better-auth'
import { memoryAdapter } from 'better-auth/adapters/memory'
import { admin, customSession } from 'better-auth/plugins'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { findFreePort } from '../../../test/servers.ts'
import {
  createHost,
  createUserId,
  idleTimeoutSeconds,
  password,
  readRows,
  startAuthCollector,
  storageOnly,
} from './betterAuthHost.ts'

let collector: Awaited<ReturnType<typeof startAuthCollector>>
beforeAll(async () => {
  collector = await startAuthCollector()
})
afterAll(() => collector.end())

async function readLiveSessions(subject: string): Promise<Record<string, unknown>[]> {
  return collector.database.sql('session_live').where({ subject })
}

test.concurrent.each([
  { how: 'as better-auth does', last: [] },
  { how: 'as a plugin changes it', last: [customSession(async (session) => ({ ...session, extra: true }))] },
])('The answer of get-session, $how, says what the browser and templates need', async ({ last }) => {
  const user = createUserId()
  const host = await createHost(collector, { last })
  const browser = host.openBrowser()
  const { session, lapse } = await browser.signUp(user)
  const { ticket = '', ...answer } = lapse ?? {}
  const [row] = await host.listRows(user)
  const [createdAt, expiresAt] = [Number(row?.createdAt), Number(row?.expiresAt)]
  expect(answer).toEqual({
    subject: user,
    session: session.id,
    startedAt: createdAt,
    idleTimeoutSeconds,
    // better-auth computes the expiry a moment before the start.
    lastAccessAt: Math.max(createdAt, expiresAt - idleTimeoutSeconds * 1000),
  })
  expect(JSON.stringify(answer)).not.toContain(session.token)
  expect(decodeJwt(ticket)).toMatchObject({ sub: user, sid: session.id, idle: idleTimeoutSeconds })
  expect((await browser.expectSession()).lapse?.ticket).toBe(ticket)
  await host.close()
})

test.concurrent('A template gets the tag of the session', async () => {
  const user = createUserId()
  const host = await createHost(collector)
  const browser = host.openBrowser()
  await browser.signUp(user)
  const { auth, lapse } = host
  const render = async (headers: Headers) => {
    const session = await auth.api.getSession({ headers })
    const tag = lapse.tag(getLapseSession(session))
    return tag
  }
  expect(await render(browser.headers)).toContain(`data-subject="${user}"`)
  expect(await render(new Headers())).toContain('data-state="absent"')
  await host.close()
})

test.concurrent('Only a request that extends the session counts as activity', async () => {
  const user = createUserId()
  const host = await createHost(collector)
  const browser = host.openUnwatchedBrowser()
  await browser.signUp(user)
  await host.age(user, 59)
  host.watch(browser)
  await browser.getSession()
  await browser.get('/get-session?disableRefresh=true')
  await host.settle()
  expect(await readLiveSessions(user)).toEqual([])
  await host.age(user, 10)
  await browser.getSession()
  await host.close()
  expect(await readLiveSessions(user)).toMatchObject([{ subject: user, evidence: 'server' }])
})

test.concurrent('A change of the session that does not extend it is no activity', async () => {
  const user = createUserId()
  const session = {
    expiresIn: idleTimeoutSeconds,
    updateAge: 60,
    additionalFields: { theme: { type: 'string' as const, required: false } },
  }
  const host = await createHost(collector, { session })
  const browser = host.openUnwatchedBrowser()
  await browser.signUp(user)
  await host.age(user, 30)
  host.watch(browser)
  const [before] = await host.listRows(user)
  expect(await browser.post('/update-session', { theme: 'dark' })).toMatchObject({ status: 200 })
  await host.close()
  const [live] = await readLiveSessions(user)
  const extendedAt = Number(before?.expiresAt.getTime()) - idleTimeoutSeconds * 1000
  expect(Number(new Date(String(live?.last_access_at))) - extendedAt).toBeLessThan(2000)
})

test.concurrent('With the cookie cache, a session that was revoked meanwhile is not reported as in use', async () => {
  const user = createUserId()
  const session = { expiresIn: idleTimeoutSeconds, updateAge: 1, cookieCache: { enabled: true, maxAge: 300 } }
  const host = await createHost(collector, { session })
  const browser = host.openBrowser()
  await browser.signUp(user)
  await host.settle()
  await host.internalAdapter.deleteUserSessions(user)
  await new Promise((resolve) => setTimeout(resolve, 1500))
  expect((await browser.expectSession()).lapse?.subject).toBe(user)
  await host.close()
  expect(await readRows(collector, user)).toMatchObject([{ reason: 'revoked' }])
  expect(await readLiveSessions(user)).toEqual([])
})

test.concurrent('With serial ids, the alias is a digest of the token, because ids can be guessed and used again', async () => {
  const user = createUserId()
  const tables = { user: [], session: [], account: [], verification: [] }
  const host = await createHost(collector, {
    database: memoryAdapter(tables),
    advanced: { database: { generateId: ({ model }) => (model === 'session' ? '7' : user) } },
  })
  const { session, lapse } = await host.openBrowser().signUp(user)
  expect(session.id).toBe('7')
  expect(lapse?.session).toBe(createHash('sha256').update(session.token).digest('base64url'))
  await host.close()
})

test.concurrent.each([
  { place: 'in the database', create: () => ({}) },
  { place: 'in the secondary storage alone', create: storageOnly },
])('A stranger ends no session $place', async ({ create }) => {
  const user = createUserId()
  const host = await createHost(collector, { ...create(), first: [admin()] })
  const victim = host.openBrowser()
  const { session } = await victim.signUp(user)
  const other = host.openBrowser()
  await other.signUp(createUserId())
  const nobody = host.openBrowser()
  const forged = host.openBrowser()
  for (const name of victim.cookies.keys()) forged.cookies.set(name, `${session.token}.forged`)
  await host.settle()
  for (const browser of [other, nobody, forged]) {
    await browser.post('/revoke-session', { token: session.token })
    await browser.post('/admin/revoke-user-session', { sessionToken: session.token })
    await browser.post('/admin/revoke-user-sessions', { userId: user })
  }
  for (const browser of [nobody, forged]) {
    await browser.post('/sign-out')
    await browser.post('/sign-in/email', { email: `${user}@example.com`, password: 'wrong password' })
  }
  await host.close()
  expect(await readRows(collector, user)).toEqual([])
})

test.concurrent('A hook that fails is reported, and better-auth does not notice', async () => {
  const lapse = createLapseServer({
    site: 'acme',
    collector: collector.url,
    token: collector.token,
    idleTimeoutSeconds,
  })
  const errors: string[] = []
  lapse.on('error', ({ message }) => errors.push(message))
  const fail = () => {
    throw new Error('broken')
  }
  const auth = betterAuth({
    baseURL: 'http://127.0.0.1:3000',
    secret: 'a secret that is long enough for better-auth',
    database: memoryAdapter({ user: [], session: [], account: [], verification: [] }),
    emailAndPassword: { enabled: true },
    telemetry: { enabled: false },
    plugins: [
      lapsePlugin({
        ...lapse,
        active: fail,
        ended: fail,
        ticket: fail,
        reportError: (e) => errors.push(String(e)),
      }),
    ],
  })
  const body = { email: 'user@example.com', name: 'user', password }
  const { headers } = await auth.api.signUpEmail({ body, returnHeaders: true })
  const cookie = new Headers({ Cookie: headers.getSetCookie().join('; ') })
  expect(await auth.api.getSession({ headers: cookie })).toMatchObject({ user: { name: 'user' } })
  expect(await auth.api.signOut({ headers: cookie })).toEqual({ success: true })
  expect(await auth.api.getSession({ headers: cookie })).toBeNull()
  expect(errors).toEqual(['Error: broken', 'Error: broken', 'Error: broken'])
  await lapse.close()
})

test.concurrent('Without a key for tickets, activity is reported all the same', async () => {
  const user = createUserId()
  const host = await createHost(collector, { lapseServerOptions: { ticketSecret: undefined } })
  expect((await host.openBrowser().signUp(user)).lapse).not.toHaveProperty('ticket')
  await host.close()
  expect(host.errors).toEqual([])
  expect(await readLiveSessions(user)).toMatchObject([{ subject: user }])
})

test.concurrent('A session of a year that nothing extends has the longest idle timeout that the collector accepts', async () => {
  const user = createUserId()
  const session = { expiresIn: 31_536_000, disableSessionRefresh: true }
  const host = await createHost(collector, { session })
  expect((await host.openBrowser().signUp(user)).lapse).toMatchObject({ idleTimeoutSeconds: 34_560_000 })
  await host.close()
  expect(await readLiveSessions(user)).toMatchObject([{ subject: user }])
})

test.concurrent('Nobody waits for a collector that does not answer', async () => {
  const port = await findFreePort()
  const silent = createServer(() => {}).listen(port, '127.0.0.1')
  const host = await createHost({ url: `http://127.0.0.1:${port}`, token: 'token' })
  const startedAt = performance.now()
  const browser = host.openBrowser()
  await browser.signUp(createUserId())
  await browser.post('/sign-out')
  expect(await browser.getSession()).toBeNull()
  // Less than the time limit of the requests to the collector.
  expect(performance.now() - startedAt).toBeLessThan(8000)
  await host.lapse.close({ timeoutMs: 1 })
  silent.closeAllConnections()
  silent.close()
})

test.concurrent('If the database fails, better-auth behaves as without Lapse', async () => {
  const database = new DatabaseSync(':memory:')
  const host = await createHost(collector, { database })
  const [browser, unwatched] = [host.openBrowser(), host.openUnwatchedBrowser()]
  await browser.signUp(createUserId())
  await unwatched.signUp(createUserId())
  database.exec('DROP TABLE session')
  for (const path of ['/sign-out', '/revoke-sessions']) {
    const [watched, plain] = [await browser.post(path), await unwatched.post(path)]
    expect(watched.status).toBe(plain.status)
    expect(await watched.text()).toBe(await plain.text())
  }
  await host.close()
})
