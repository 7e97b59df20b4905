import { setTimeout as sleep } from 'node:timers/promises'
import type { AuthConfig } from '@auth/core'
import { encode } from '@auth/core/jwt'
import { withLapse } from '@lapse/server/authjs'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { AuthBrowser, tokenConfig } from './authJsBrowser.ts'
import { type Environment, startEnvironment } from './environment.ts'

let environment: Environment
beforeAll(async () => {
  environment = await startEnvironment()
})
afterEach(() => environment.reset())
afterAll(() => environment.end())

function openBrowser(config: AuthConfig = tokenConfig, options = {}): AuthBrowser {
  return new AuthBrowser(withLapse(environment.createLapse({ heartbeatSeconds: 0.1 }), config, options))
}
const readEnds = () => environment.proxy.readReports('/v1/lapses')
const readActivity = () => environment.proxy.readReports('/v1/activity')

describe('With sessions in tokens, withLapse', () => {
  test('adds the identity to the session, and changes nothing else', async () => {
    const [plain, browser] = [new AuthBrowser(tokenConfig), openBrowser()]
    for (const each of [plain, browser]) await each.signInWithToken('u_42')
    const [{ expires, ...expected }, { expires: until, lapse, ...session }] = [
      await plain.readSession(),
      await browser.readSession(),
    ]
    expect(session).toEqual(expected)
    expect(Date.parse(until) - Date.parse(expires)).toBeLessThan(5000)
    expect(lapse).toMatchObject({ subject: 'u_42', session: expect.any(String), ticket: expect.any(String) })
    expect((await browser.readSession()).lapse).toMatchObject({
      session: lapse.session,
      startedAt: lapse.startedAt,
    })
  })

  test('calls the callbacks and events of the application as before, and keeps their results', async () => {
    const signOut = vi.fn()
    const sessionEvent = vi.fn()
    const signIn = vi.fn()
    const browser = openBrowser({
      ...tokenConfig,
      callbacks: {
        jwt: ({ token, user }) => (user ? { ...token, role: 'admin' } : token),
        session: ({ session, token }) => ({ ...session, role: token.role }),
      },
      events: { signIn, signOut, session: sessionEvent },
    })
    await browser.signInWithToken('u_42')
    expect(await browser.readSession()).toMatchObject({ role: 'admin', lapse: { subject: 'u_42' } })
    await browser.signOut()
    expect(signIn).toHaveBeenCalledWith(expect.objectContaining({ user: { id: 'u_42' } }))
    expect(sessionEvent).toHaveBeenCalledWith(
      expect.objectContaining({ token: expect.objectContaining({ role: 'admin' }) }),
    )
    expect(signOut).toHaveBeenCalledWith({ token: expect.objectContaining({ sub: 'u_42' }) })
    await expect.poll(readEnds).toEqual([expect.objectContaining({ reason: 'logout', subject: 'u_42' })])
  })

  test('does not let a browser change the identity, even if the application copies what it sends', async () => {
    const browser = openBrowser({
      ...tokenConfig,
      callbacks: { jwt: ({ token, session }) => ({ ...token, ...session }) },
    })
    await browser.signInWithToken('u_42')
    const { lapse } = await browser.readSession()
    const forged = { subject: 'u_1', session: 'of somebody else', startedAt: lapse.startedAt }
    await browser.request('session', { data: { lapse: forged } })
    expect(await browser.readSession()).toMatchObject({
      lapse: { subject: 'u_42', session: lapse.session },
    })
  })

  test('reports a session as revoked when the callback of the application returns null', async () => {
    let isRevoked = false
    const browser = openBrowser({
      ...tokenConfig,
      callbacks: { jwt: ({ token }) => (isRevoked ? null : token) },
    })
    await browser.signInWithToken('u_42')
    isRevoked = true
    const revoked = browser.sessionToken
    expect(await browser.readSession()).toBeNull()
    await expect.poll(readEnds).toEqual([expect.objectContaining({ reason: 'revoked', subject: 'u_42' })])
    browser.cookies.set('authjs.session-token', revoked)
    for (let repeat = 0; repeat < 20; repeat++) await browser.readSession()
    await sleep(300)
    expect(readEnds()).toHaveLength(1)
  })

  test.each([
    { title: 'plain', useSecureCookies: false },
    { title: 'secure', useSecureCookies: true },
  ])(
    'reports the session that a sign-in in the same browser leaves behind as displaced: $title cookies',
    async ({ useSecureCookies }) => {
      const browser = openBrowser({ ...tokenConfig, useSecureCookies })
      await browser.signInWithToken('u_42')
      const { lapse } = await browser.readSession()
      await browser.signInWithToken('u_42')
      await expect
        .poll(readEnds)
        .toEqual([expect.objectContaining({ reason: 'displaced', session: lapse.session })])
      expect((await browser.readSession()).lapse.session).not.toBe(lapse.session)
    },
  )

  test('reports nothing for a token that was not encrypted by Auth.js', async () => {
    const browser = openBrowser()
    const forged = { sub: 'u_42', lapse: { subject: 'u_42', session: 'a1f', startedAt: Date.now() } }
    const salt = 'authjs.session-token'
    browser.cookies.set(salt, await encode({ token: forged, secret: 'another secret', salt }))
    expect(await browser.readSession()).toBeNull()
    await browser.signOut()
    await browser.signInWithToken('u_43')
    await expect.poll(readActivity).toHaveLength(1)
    expect(readEnds()).toEqual([])
  })

  test('gives a session from before the installation one alias, which requests at the same time share', async () => {
    const plain = new AuthBrowser(tokenConfig)
    await plain.signInWithToken('u_42')
    const auth = withLapse(environment.createLapse(), tokenConfig)
    const [first, second] = [new AuthBrowser(auth), new AuthBrowser(auth)]
    for (const { cookies } of [first, second]) cookies.set('authjs.session-token', plain.sessionToken)
    const [{ lapse }, other] = await Promise.all([first.readSession(), second.readSession()])
    expect(lapse).toMatchObject({ subject: 'u_42', session: other.lapse.session })
    expect((await first.readSession()).lapse.session).toBe(lapse.session)
  })

  test('counts a read as activity only if the cookie reaches the browser and the application agrees', async () => {
    const polls = openBrowser(tokenConfig, { isActivity: () => false })
    await polls.signInWithToken('u_42')
    await expect.poll(readActivity).toHaveLength(1)
    for (let read = 0; read < 3; read++) await polls.readSession()
    await sleep(400)
    expect(readActivity()).toHaveLength(1)
  })

  test('uses the account of an OAuth provider as the subject where Auth.js makes up the id', async () => {
    const jwt = withLapse(environment.createLapse(), tokenConfig).callbacks?.jwt
    const account = { type: 'oidc', provider: 'acme', providerAccountId: '42' } as const
    const parameters = {
      token: { sub: 'made up' },
      user: { id: 'made up' },
      account,
      trigger: 'signIn',
    } as const
    expect(await jwt?.(parameters)).toMatchObject({ lapse: { subject: 'acme:42' } })
  })

  test('takes no identity from the application where it has none of its own', async () => {
    const callbacks: AuthConfig['callbacks'] = {
      jwt: ({ token }) => ({
        ...token,
        lapse: { subject: 'u_1', session: 'a1f', startedAt: 0, lastAccessAt: 0 },
      }),
    }
    const browser = openBrowser({ ...tokenConfig, callbacks })
    await browser.signInWithToken('u'.repeat(300))
    expect(await browser.readSession()).not.toHaveProperty('lapse')
  })

  test('lets a user sign in and out whose id Lapse cannot use', async () => {
    const lapse = environment.createLapse()
    const browser = new AuthBrowser(withLapse(lapse, tokenConfig))
    await browser.signInWithToken('u'.repeat(300))
    expect(await browser.readSession()).toHaveProperty('expires')
    await browser.signOut()
    expect(await browser.readSession()).toBeNull()
    expect(lapse.errors.map(({ code }) => code)).toContain('invalid_report')
  })
})
