import { setTimeout as sleep } from 'node:timers/promises'
import type { AuthConfig } from '@auth/core'
import type { Adapter } from '@auth/core/adapters'
import { createSessionAlias, endSession, withLapse } from '@lapse/server/authjs'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { AuthBrowser, createDatabaseConfig } from './authJsBrowser.ts'
import { type Environment, startEnvironment } from './environment.ts'

let environment: Environment
beforeAll(async () => {
  environment = await startEnvironment()
})
afterEach(() => environment.reset())
afterAll(() => environment.end())

const readEnds = () => environment.proxy.readReports('/v1/lapses')
const readActivity = () => environment.proxy.readReports('/v1/activity')

/** An application with its configuration, and a user who is signed in. */
async function startApplication(config = createDatabaseConfig()) {
  const lapse = environment.createLapse({ heartbeatSeconds: 0.1 })
  const auth = withLapse(lapse, config)
  const browser = new AuthBrowser(auth)
  await browser.signInByEmail('u_42@example.com')
  const user = await config.adapter.getUserByEmail?.('u_42@example.com')
  const setExpiry = (expires: number) =>
    config.database
      .prepare('update session set expires = ? where sessionToken = ?')
      .run(expires, browser.sessionToken)
  return { lapse, auth, browser, config, subject: user?.id ?? '', setExpiry }
}

describe('With sessions in a database, withLapse', () => {
  test('adds the identity to the session, and changes nothing else: the token of the session stays a secret', async () => {
    const { browser, config, subject } = await startApplication()
    const plain = new AuthBrowser(config)
    plain.cookies.set('authjs.session-token', browser.sessionToken)
    const { expires: _, ...expected } = await plain.readSession()
    const { expires: __, lapse, ...session } = await browser.readSession()
    expect(session).toEqual(expected)
    expect(lapse).toMatchObject({ subject, session: createSessionAlias(browser.sessionToken) })
    expect(JSON.stringify({ session, lapse })).not.toContain(browser.sessionToken)
  })

  test('hides nothing from `auth()` of next-auth, which calls the callback of the configuration if there is one', async () => {
    const { auth, browser, config, subject } = await startApplication()
    const readWithNextAuth = async ({ callbacks, ...options }: AuthConfig) => {
      const session: NonNullable<AuthConfig['callbacks']>['session'] = async (parameters) =>
        (await callbacks?.session?.(parameters)) ?? (parameters.session as never)
      const reader = new AuthBrowser({ ...options, callbacks: { ...callbacks, session } })
      reader.cookies.set('authjs.session-token', browser.sessionToken)
      return reader.readSession()
    }
    const { expires: _, ...expected } = await readWithNextAuth(config)
    expect(expected).toMatchObject({ userId: subject, user: { id: subject } })
    const { expires: __, lapse, ...session } = await readWithNextAuth(auth)
    expect(session).toEqual(expected)
    expect(lapse).toMatchObject({ subject })
  })

  test('calls the callbacks and events of the application as before, and keeps their results', async () => {
    const events = { signIn: vi.fn(), signOut: vi.fn(), session: vi.fn() }
    const signIn = vi.fn(() => true)
    const config = createDatabaseConfig()
    const { browser, subject } = await startApplication({
      ...config,
      callbacks: {
        signIn,
        session: ({ session, user }) => ({ expires: session.expires, userId: user.id }) as never,
      },
      events,
    })
    expect(await browser.readSession()).toMatchObject({ userId: subject, lapse: { subject } })
    await browser.signOut()
    expect(signIn).toHaveBeenCalled()
    for (const event of Object.values(events)) expect(event).toHaveBeenCalled()
  })

  test('keeps out a user whom the application does not let in', async () => {
    const config = { ...createDatabaseConfig(), callbacks: { signIn: () => false } }
    const { browser } = await startApplication(config)
    expect(browser.sessionToken).toBe('')
  })

  test('reports a sign-out as a logout, although this adapter does not return what it has deleted', async () => {
    const { browser, config, subject } = await startApplication()
    const alias = createSessionAlias(browser.sessionToken)
    expect(await config.adapter.deleteSession?.('unknown')).toBeUndefined()
    await browser.signOut()
    await expect
      .poll(readEnds)
      .toEqual([expect.objectContaining({ reason: 'logout', session: alias, subject })])
  })

  test('tells sign-outs and revocations at the same time apart', async () => {
    const config = createDatabaseConfig()
    const first = await startApplication(config)
    const browsers = [first.browser, new AuthBrowser(first.auth), new AuthBrowser(first.auth)]
    for (const browser of browsers.slice(1)) await browser.signInByEmail('u_42@example.com')
    const [leaving, revoked, displaced] = browsers.map(({ sessionToken }) => sessionToken)
    const { adapter } = first.auth
    await Promise.all([
      adapter.deleteSession?.(revoked ?? ''),
      first.browser.signOut(),
      endSession(adapter, displaced ?? '', 'displaced'),
    ])
    await expect.poll(readEnds).toHaveLength(3)
    const reasons = Object.fromEntries(readEnds().map(({ session, reason }) => [session, reason]))
    expect(reasons).toEqual({
      [createSessionAlias(leaving ?? '')]: 'logout',
      [createSessionAlias(revoked ?? '')]: 'revoked',
      [createSessionAlias(displaced ?? '')]: 'displaced',
    })
  })

  test('passes to the event signOut what the adapter has returned', async () => {
    const signOut = vi.fn()
    const { browser } = await startApplication({ ...createDatabaseConfig(), events: { signOut } })
    await browser.signOut()
    expect(signOut).toHaveBeenCalledWith({ session: undefined })
  })

  test('reports the session that a sign-in in the same browser leaves behind as displaced', async () => {
    const { browser } = await startApplication()
    const earlier = browser.sessionToken
    await browser.signInByEmail('u_42@example.com')
    expect(browser.sessionToken).not.toBe(earlier)
    const displaced = { reason: 'displaced', session: createSessionAlias(earlier) }
    await expect.poll(readEnds).toEqual([expect.objectContaining(displaced)])
  })

  test('reports an expired row as a timeout with the times of the row', async () => {
    const { browser, setExpiry } = await startApplication()
    await environment.collector.database.sql('session_live').delete()
    const expires = Date.now() - 5000
    setExpiry(expires)
    expect(await browser.readSession()).toBeNull()
    await expect.poll(readEnds).toHaveLength(1)
    const [end] = readEnds()
    expect(end).not.toHaveProperty('reason')
    expect(end).toMatchObject({ detectedAt: expect.any(Number), startedAt: expect.any(Number) })
  })

  test('dates a session by its row where Auth.js does not extend it yet', async () => {
    const config = createDatabaseConfig()
    const { browser } = await startApplication({ ...config, session: { maxAge: 1800, updateAge: 600 } })
    await sleep(200)
    const first = (await browser.readSession()).lapse
    await sleep(200)
    const second = (await browser.readSession()).lapse
    expect(second).toEqual(first)
    await sleep(300)
    for (const { lastAccessAt } of readActivity()) expect(lastAccessAt).toBeLessThan(first.lastAccessAt + 100)
  })

  test('reports nothing for a session token that is not in the database', async () => {
    const { browser } = await startApplication()
    browser.cookies.set('authjs.session-token', 'guessed')
    expect(await browser.readSession()).toBeNull()
    await browser.signOut()
    await sleep(300)
    expect(readEnds()).toEqual([])
  })

  test('passes on what the adapter throws', async () => {
    const config = createDatabaseConfig()
    const fail = () => Promise.reject(new Error('The database is unavailable.'))
    const adapter: Adapter = {
      ...config.adapter,
      getSessionAndUser: fail,
      deleteSession: fail,
      createSession: fail,
    }
    const auth = withLapse(environment.createLapse(), { ...config, adapter })
    await expect(auth.adapter.getSessionAndUser?.('t')).rejects.toThrow('The database is unavailable.')
    await expect(auth.adapter.deleteSession?.('t')).rejects.toThrow('The database is unavailable.')
    const session = { sessionToken: 't', userId: 'u', expires: new Date() }
    await expect(auth.adapter.createSession?.(session)).rejects.toThrow('The database is unavailable.')
    await sleep(200)
    expect([...readEnds(), ...readActivity()]).toEqual([])
  })
})
