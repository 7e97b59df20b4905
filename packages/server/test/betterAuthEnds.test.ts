import { admin, multiSession } from 'better-auth/plugins'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type AuthBrowser,
  type Host,
  type HostOptions,
  openAdminBrowser,
  password,
  runScenario,
  type SessionAnswer,
  startAuthCollector,
  storageOnly,
} from './betterAuthHost.ts'

let collector: Awaited<ReturnType<typeof startAuthCollector>>
beforeAll(async () => {
  collector = await startAuthCollector()
})
afterAll(() => collector.end())

interface Scenario {
  readonly what: string
  readonly reason: string
  readonly options?: HostOptions
  end(context: {
    readonly host: Host
    readonly browser: AuthBrowser
    readonly user: string
    readonly session: SessionAnswer
  }): Promise<unknown>
}

const scenarios: readonly Scenario[] = [
  { what: 'a sign-out', reason: 'logout', end: ({ browser }) => browser.post('/sign-out') },
  {
    what: 'the user who revokes a session',
    reason: 'revoked',
    end: ({ browser, session }) => browser.post('/revoke-session', { token: session.session.token }),
  },
  {
    what: 'the user who revokes all sessions',
    reason: 'revoked',
    end: ({ browser }) => browser.post('/revoke-sessions'),
  },
  {
    what: 'the deletion of the user',
    reason: 'revoked',
    end: ({ browser }) => browser.post('/delete-user', { password }),
  },
  {
    what: 'an administrator who revokes the session',
    reason: 'revoked',
    options: { first: [admin()] },
    end: async ({ host, session }) =>
      (await openAdminBrowser(host)).post('/admin/revoke-user-session', {
        sessionToken: session.session.token,
      }),
  },
  {
    what: 'an administrator who revokes all sessions',
    reason: 'revoked',
    options: { first: [admin()] },
    end: async ({ host, user }) =>
      (await openAdminBrowser(host)).post('/admin/revoke-user-sessions', { userId: user }),
  },
  {
    what: 'an administrator who bans the user',
    reason: 'revoked',
    options: { first: [admin()] },
    end: async ({ host, user }) => (await openAdminBrowser(host)).post('/admin/ban-user', { userId: user }),
  },
  {
    what: 'an administrator who sets the user to banned',
    reason: 'revoked',
    options: { first: [admin()] },
    end: async ({ host, user }) =>
      (await openAdminBrowser(host)).post('/admin/update-user', { userId: user, data: { banned: true } }),
  },
  {
    what: 'an administrator who removes the user',
    reason: 'revoked',
    options: { first: [admin()] },
    end: async ({ host, user }) =>
      (await openAdminBrowser(host)).post('/admin/remove-user', { userId: user }),
  },
]

/** Scenarios that need the database. */
const databaseScenarios: readonly Scenario[] = [
  {
    what: 'a reset of the password',
    reason: 'revoked',
    options: {
      emailAndPassword: {
        enabled: true,
        revokeSessionsOnPasswordReset: true,
        sendResetPassword: async ({ token }) => void resetTokens.push(token),
      },
    },
    async end({ browser, user }) {
      await browser.post('/request-password-reset', { email: `${user}@example.com` })
      return browser.post('/reset-password', { newPassword: 'another horse', token: resetTokens.at(-1) })
    },
  },
  {
    what: 'leaving one of several accounts in the browser',
    reason: 'logout',
    options: { first: [multiSession()] },
    end: ({ browser, session }) =>
      browser.post('/multi-session/revoke', { sessionToken: session.session.token }),
  },
]
const resetTokens: string[] = []

const places = [
  { place: 'in the database', create: () => ({}) },
  { place: 'in the secondary storage alone', create: storageOnly },
  {
    place: 'in both',
    create: () => ({ ...storageOnly(), session: { expiresIn: 1800, storeSessionInDatabase: true } }),
  },
  {
    place: 'in both, and kept in the database',
    create: () => ({
      ...storageOnly(),
      session: { expiresIn: 1800, storeSessionInDatabase: true, preserveSessionInDatabase: true },
    }),
  },
]

const cases = [
  ...places.flatMap((place) => scenarios.map((scenario) => ({ ...scenario, ...place }))),
  ...places.slice(0, 1).flatMap((place) => databaseScenarios.map((scenario) => ({ ...scenario, ...place }))),
]

test.concurrent.each(cases)(
  'A session $place that ends by $what is recorded as $reason',
  async ({ reason, options, end, create }) => {
    let session: SessionAnswer | undefined
    const rows = await runScenario(collector, { ...create(), ...options }, async (host, user) => {
      const browser = host.openBrowser()
      session = await browser.signUp(user)
      await host.settle()
      expect(await end({ host, browser, user, session })).toMatchObject({ status: 200 })
      expect(await browser.getSession()).toBeNull()
    })
    expect(rows).toEqual([
      expect.objectContaining({ reason, evidence: 'server', session: session?.session.id }),
    ])
  },
)

test.concurrent.each(places)(
  'Of sessions $place, "sign out everywhere else" ends all but the current one as revoked',
  async ({ create }) => {
    let ended = ''
    const rows = await runScenario(collector, create(), async ({ openBrowser, settle }, user) => {
      const [first, second] = [openBrowser(), openBrowser()]
      ended = (await first.signUp(user)).session.id
      await second.signIn(user)
      await settle()
      await second.post('/revoke-other-sessions')
      expect(await second.getSession()).not.toBeNull()
    })
    expect(rows).toEqual([expect.objectContaining({ reason: 'revoked', session: ended })])
  },
)

test.concurrent.each(places)(
  'Of sessions $place, a change of the password ends those that better-auth ends, as revoked',
  async ({ create }) => {
    const aliases: string[] = []
    const rows = await runScenario(collector, create(), async ({ openBrowser, settle }, user) => {
      const [first, second] = [openBrowser(), openBrowser()]
      aliases.push((await first.signUp(user)).session.id, (await second.signIn(user)).session.id)
      await settle()
      const change = { currentPassword: password, newPassword: 'another horse' }
      await second.post('/change-password', { ...change, revokeOtherSessions: true })
      const kept = await second.expectSession()
      expect(aliases).not.toContain(kept.session.id)
    })
    // Both can start in the same millisecond.
    expect(new Set(rows.map(({ reason, session }) => `${reason} ${session}`))).toEqual(
      new Set(aliases.map((session) => `revoked ${session}`)),
    )
    expect(rows).toHaveLength(aliases.length)
  },
)

test.concurrent.each(places)(
  'Of sessions $place, none ends while the deletion of the user still has to be confirmed',
  async ({ create }) => {
    const user = { deleteUser: { enabled: true, sendDeleteAccountVerification: async () => {} } }
    const rows = await runScenario(collector, { ...create(), user }, async ({ openBrowser }, name) => {
      const browser = openBrowser()
      await browser.signUp(name)
      expect(await browser.post('/delete-user', { password })).toMatchObject({ status: 200 })
      await browser.expectSession()
    })
    expect(rows).toEqual([])
  },
)

test.concurrent('A session that the code of the application deletes is recorded as revoked', async () => {
  const rows = await runScenario(collector, {}, async ({ openBrowser, internalAdapter, settle }, user) => {
    await openBrowser().signUp(user)
    await settle()
    await internalAdapter.deleteUserSessions(user)
  })
  expect(rows).toMatchObject([{ reason: 'revoked', evidence: 'server' }])
})

test.concurrent.each(places)(
  'A sign-in over a live session $place ends it as displaced',
  async ({ create }) => {
    let earlier = ''
    const rows = await runScenario(collector, create(), async ({ openBrowser, settle }, user) => {
      const browser = openBrowser()
      earlier = (await browser.signUp(user)).session.id
      await settle()
      await browser.signIn(user)
    })
    expect(rows).toEqual([
      expect.objectContaining({ reason: 'displaced', evidence: 'server', session: earlier }),
    ])
  },
)
