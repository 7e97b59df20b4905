import { setTimeout as sleep } from 'node:timers/promises'
import { admin, multiSession, twoFactor } from 'better-auth/plugins'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  type AuthBrowser,
  createHost,
  createUserId,
  type Host,
  type HostOptions,
  idleTimeoutSeconds,
  password,
  readRows,
  type SessionAnswer,
  startAuthCollector,
} from './betterAuthHost.ts'

let collector: Awaited<ReturnType<typeof startAuthCollector>>
beforeAll(async () => {
  collector = await startAuthCollector()
})
afterAll(() => collector.end())

/** Runs a scenario, and returns the rows of the user after everything has been sent. */
async function run(
  options: HostOptions,
  scenario: (host: Host, user: string) => Promise<void>,
  user = createUserId(),
) {
  const host = await createHost(collector, options)
  await scenario(host, user)
  await host.close()
  expect(host.errors).toEqual([])
  return readRows(collector, user)
}

const createAdmin = async ({ openBrowser, internalAdapter }: Host): Promise<AuthBrowser> => {
  const browser = openBrowser()
  const { user } = await browser.signUp(createUserId())
  await internalAdapter.updateUser(user.id, { role: 'admin' })
  return browser
}

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
      (await createAdmin(host)).post('/admin/revoke-user-session', { sessionToken: session.session.token }),
  },
  {
    what: 'an administrator who revokes all sessions',
    reason: 'revoked',
    options: { first: [admin()] },
    end: async ({ host, user }) =>
      (await createAdmin(host)).post('/admin/revoke-user-sessions', { userId: user }),
  },
  {
    what: 'an administrator who bans the user',
    reason: 'revoked',
    options: { first: [admin()] },
    end: async ({ host, user }) => (await createAdmin(host)).post('/admin/ban-user', { userId: user }),
  },
  {
    what: 'an administrator who removes the user',
    reason: 'revoked',
    options: { first: [admin()] },
    end: async ({ host, user }) => (await createAdmin(host)).post('/admin/remove-user', { userId: user }),
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

/** A secondary storage such as Redis. */
const storageOnly = (): HostOptions => {
  const values = new Map<string, string>()
  return {
    secondaryStorage: {
      get: async (key) => values.get(key) ?? null,
      set: async (key, value) => void values.set(key, value),
      delete: async (key) => void values.delete(key),
      increment: async () => 1,
      getAndDelete: async (key) => {
        const value = values.get(key) ?? null
        values.delete(key)
        return value
      },
    },
  }
}

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
    const rows = await run({ ...create(), ...options }, async (host, user) => {
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
    const rows = await run(create(), async ({ openBrowser, settle }, user) => {
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
    const rows = await run(create(), async ({ openBrowser, settle }, user) => {
      const [first, second] = [openBrowser(), openBrowser()]
      aliases.push((await first.signUp(user)).session.id, (await second.signIn(user)).session.id)
      await settle()
      const change = { currentPassword: password, newPassword: 'another horse' }
      await second.post('/change-password', { ...change, revokeOtherSessions: true })
      const kept = await second.expectSession()
      expect(aliases).not.toContain(kept.session.id)
    })
    expect(rows.map(({ reason, session }) => ({ reason, session }))).toEqual(
      aliases.map((session) => ({ reason: 'revoked', session })),
    )
  },
)

test.concurrent('A session that the code of the application deletes is recorded as revoked', async () => {
  const rows = await run({}, async ({ openBrowser, internalAdapter, settle }, user) => {
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
    const rows = await run(create(), async ({ openBrowser, settle }, user) => {
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

test.concurrent('A change of the two-factor settings ends the session that it replaces as displaced', async () => {
  let earlier = ''
  const rows = await run({ first: [twoFactor({ skipVerificationOnEnable: true })] }, async (host, user) => {
    const browser = host.openBrowser()
    earlier = (await browser.signUp(user)).session.id
    await host.settle()
    await browser.post('/two-factor/enable', { password })
    expect((await browser.expectSession()).session.id).not.toBe(earlier)
  })
  expect(rows).toEqual([expect.objectContaining({ reason: 'displaced', session: earlier })])
})

test.concurrent('An expired row that better-auth does not delete is found by the job', async () => {
  const user = createUserId()
  const session = { expiresIn: idleTimeoutSeconds, updateAge: 60, deferSessionRefresh: true }
  const host = await createHost(collector, {
    session,
    lapseOptions: { expiredSessions: { everySeconds: 0.2 } },
  })
  const browser = host.openUnwatchedBrowser()
  await browser.signUp(user)
  await host.age(user, idleTimeoutSeconds + 1)
  host.watch(browser)
  expect(await browser.getSession()).toBeNull()
  expect(await host.listRows(user)).toHaveLength(1)
  await expect.poll(() => readRows(collector, user)).toMatchObject([{ reason: 'idle_timeout' }])
  await host.close()
})

test.concurrent('A sign-in over an expired session records its idle timeout', async () => {
  const rows = await run({}, async ({ openUnwatchedBrowser, age, watch }, user) => {
    const browser = openUnwatchedBrowser()
    await browser.signUp(user)
    await age(user, idleTimeoutSeconds + 60)
    watch(browser)
    await browser.post('/sign-in/email', { email: `${user}@example.com`, password })
  })
  expect(rows).toMatchObject([{ reason: 'idle_timeout', evidence: 'server' }])
})

test.concurrent.each(['/get-session', '/sign-out'])(
  'An expired session that %s finds is recorded as an idle timeout, with its times',
  async (path) => {
    let before: { createdAt: Date; expiresAt: Date } | undefined
    const rows = await run({}, async ({ openUnwatchedBrowser, age, listRows, watch }, user) => {
      const browser = openUnwatchedBrowser()
      await browser.signUp(user)
      await age(user, 100)
      // Extends the session.
      await browser.getSession()
      await age(user, idleTimeoutSeconds + 60)
      ;[before] = await listRows(user)
      watch(browser)
      await (path === '/get-session' ? browser.getSession() : browser.post(path))
    })
    expect(rows).toMatchObject([{ reason: 'idle_timeout', evidence: 'server' }])
    const [row] = rows
    const extendedAt = Number(before?.expiresAt.getTime()) - idleTimeoutSeconds * 1000
    // The collector adds the time that the request took.
    expect(Number(row?.lastAccessAt) - extendedAt).toBeGreaterThanOrEqual(0)
    expect(Number(row?.lastAccessAt) - extendedAt).toBeLessThan(1000)
    expect(Number(row?.lastAccessAt) - Number(row?.startedAt)).toBe(
      extendedAt - Number(before?.createdAt.getTime()),
    )
  },
)

test.concurrent.each([
  { what: 'without "remember me"', options: {}, signIn: { rememberMe: false }, seconds: 86_400 },
  {
    what: 'that better-auth is told not to extend',
    options: { session: { expiresIn: 1800, disableSessionRefresh: true } },
    signIn: {},
    seconds: 1800,
  },
  {
    what: 'with an updateAge that is longer than its lifetime',
    options: { session: { expiresIn: 1800 } },
    signIn: {},
    seconds: 1800,
  },
])('The end of a session $what is an absolute timeout', async ({ options, signIn, seconds }) => {
  const rows = await run(options, async ({ openUnwatchedBrowser, age, watch }, user) => {
    const browser = openUnwatchedBrowser()
    await browser.signUp(user)
    await browser.post('/sign-out')
    await browser.signIn(user, signIn)
    await age(user, seconds + 60)
    watch(browser)
    expect(await browser.getSession()).toBeNull()
  })
  expect(rows).toMatchObject([{ reason: 'absolute_timeout', evidence: 'server' }])
})

test.concurrent('Several replicas find the expired session of a user who never returns, in one row', async () => {
  const user = createUserId()
  const lapseOptions = { expiredSessions: { everySeconds: 0.2 } }
  const host = await createHost(collector, { lapseOptions })
  const database = host.auth.options.database
  const replica = await createHost(collector, { lapseOptions, ...(database && { database }) })
  await host.openUnwatchedBrowser().signUp(user)
  await host.age(user, idleTimeoutSeconds + 1)
  await expect.poll(() => readRows(collector, user)).toMatchObject([{ reason: 'idle_timeout' }])
  await sleep(1000)
  expect(await readRows(collector, user)).toHaveLength(1)
  await Promise.all([host.close(), replica.close()])
  expect([...host.errors, ...replica.errors]).toEqual([])
})

test.concurrent('An administrator who impersonates a user leaves no row of that user', async () => {
  const user = createUserId()
  const host = await createHost(collector, { first: [admin()] })
  await host.openBrowser().signUp(user)
  const browser = await createAdmin(host)
  const own = await browser.expectSession()
  await browser.post('/admin/impersonate-user', { userId: user })
  const impersonated = await browser.expectSession()
  expect(impersonated.user.id).toBe(user)
  expect(impersonated.lapse).toBeUndefined()
  await browser.post('/admin/stop-impersonating')
  expect((await browser.expectSession()).session.id).toBe(own.session.id)
  await host.close()
  expect(await readRows(collector, user)).toEqual([])
  expect(await readRows(collector, own.user.id)).toMatchObject([
    { reason: 'logout', session: impersonated.session.id },
  ])
})

test.concurrent('Several sessions in one browser end only when the user signs out', async () => {
  const [user, other] = [createUserId(), createUserId()]
  const host = await createHost(collector, { first: [multiSession()] })
  const browser = host.openBrowser()
  const first = await browser.signUp(user)
  await browser.signUp(other)
  await browser.post('/multi-session/set-active', { sessionToken: first.session.token })
  await host.lapse.close()
  expect([...(await readRows(collector, user)), ...(await readRows(collector, other))]).toEqual([])

  const later = await createHost(collector, {
    first: [multiSession()],
    ...(host.auth.options.database && { database: host.auth.options.database }),
  })
  const samePerson = later.openBrowser()
  for (const [name, value] of browser.cookies) samePerson.cookies.set(name, value)
  await samePerson.post('/sign-out')
  await later.close()
  expect(await readRows(collector, user)).toMatchObject([{ reason: 'logout' }])
  expect(await readRows(collector, other)).toMatchObject([{ reason: 'logout' }])
})

test.concurrent.each([
  { order: 'before', create: (): HostOptions => ({ last: [twoFactor()] }) },
  { order: 'after', create: (): HostOptions => ({ first: [twoFactor()] }) },
])(
  'A sign-in that still waits for the second factor is no session, with Lapse $order the plugin',
  async ({ create }) => {
    let isLive = true
    const rows = await run(create(), async ({ openBrowser, internalAdapter, lapse, settle }, user) => {
      await openBrowser().signUp(user)
      await settle()
      await internalAdapter.deleteUserSessions(user)
      await internalAdapter.updateUser(user, { twoFactorEnabled: true })
      const response = await openBrowser().post('/sign-in/email', { email: `${user}@example.com`, password })
      expect(await response.json()).toMatchObject({ twoFactorRedirect: true })
      await lapse.close()
      isLive = (await collector.database.sql('session_live').where({ subject: user })).length > 0
    })
    expect(rows).toMatchObject([{ reason: 'revoked' }])
    expect(isLive).toBe(false)
  },
)
