import { admin, anonymous, multiSession, twoFactor } from 'better-auth/plugins'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  createHost,
  createUserId,
  type HostOptions,
  openAdminBrowser,
  password,
  readRows,
  runScenario,
  startAuthCollector,
  storageOnly,
} from './betterAuthHost.ts'

let collector: Awaited<ReturnType<typeof startAuthCollector>>
beforeAll(async () => {
  collector = await startAuthCollector()
})
afterAll(() => collector.end())

const places = [
  { place: 'in the database', create: () => ({}) },
  { place: 'in the secondary storage alone', create: storageOnly },
]

test.concurrent.each(places)(
  'A change of the two-factor settings ends the session $place that it replaces as displaced',
  async ({ create }) => {
    let earlier = ''
    const rows = await runScenario(
      collector,
      { ...create(), first: [twoFactor({ skipVerificationOnEnable: true })] },
      async (host, user) => {
        const browser = host.openBrowser()
        earlier = (await browser.signUp(user)).session.id
        await host.settle()
        await browser.post('/two-factor/enable', { password })
        expect((await browser.expectSession()).session.id).not.toBe(earlier)
      },
    )
    expect(rows).toEqual([expect.objectContaining({ reason: 'displaced', session: earlier })])
  },
)

test.concurrent.each(places)(
  'An administrator who impersonates a user, with sessions $place, leaves no row of that user',
  async ({ create }) => {
    const user = createUserId()
    const host = await createHost(collector, { ...create(), first: [admin()] })
    await host.openBrowser().signUp(user)
    const browser = await openAdminBrowser(host)
    const own = await browser.expectSession()
    await browser.post('/admin/impersonate-user', { userId: user })
    const impersonated = await browser.expectSession()
    expect(impersonated.user.id).toBe(user)
    expect(impersonated.lapse).toBeUndefined()
    await host.settle()
    await browser.post('/admin/stop-impersonating')
    expect((await browser.expectSession()).session.id).toBe(own.session.id)
    await host.close()
    expect(await readRows(collector, user)).toEqual([])
    expect(await readRows(collector, own.user.id)).toMatchObject([
      { reason: 'logout', session: impersonated.session.id },
    ])
  },
)

test.concurrent.each(places)(
  'An anonymous session $place ends as displaced when the user signs up',
  async ({ create }) => {
    const host = await createHost(collector, { ...create(), first: [anonymous()], databaseHooks: {} })
    const browser = host.openBrowser()
    await browser.post('/sign-in/anonymous')
    const { session, user } = await browser.expectSession()
    await host.settle()
    await browser.signUp(createUserId())
    await host.close()
    expect(await readRows(collector, user.id)).toMatchObject([{ reason: 'displaced', session: session.id }])
  },
)

test.concurrent('Several sessions in one browser end only when the user signs out', async () => {
  const [user, other] = [createUserId(), createUserId()]
  const host = await createHost(collector, { first: [multiSession()] })
  const browser = host.openBrowser()
  const first = await browser.signUp(user)
  await browser.signUp(other)
  await browser.post('/multi-session/set-active', { sessionToken: first.session.token })
  await host.settle()
  expect([...(await readRows(collector, user)), ...(await readRows(collector, other))]).toEqual([])
  await browser.post('/sign-out')
  await host.close()
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
    const rows = await runScenario(
      collector,
      create(),
      async ({ openBrowser, internalAdapter, lapse, settle }, user) => {
        await openBrowser().signUp(user)
        await settle()
        await internalAdapter.deleteUserSessions(user)
        await internalAdapter.updateUser(user, { twoFactorEnabled: true })
        const response = await openBrowser().post('/sign-in/email', {
          email: `${user}@example.com`,
          password,
        })
        expect(await response.json()).toMatchObject({ twoFactorRedirect: true })
        await lapse.close()
        isLive = (await collector.database.sql('session_live').where({ subject: user })).length > 0
      },
    )
    expect(rows).toMatchObject([{ reason: 'revoked' }])
    expect(isLive).toBe(false)
  },
)
