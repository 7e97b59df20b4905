import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { waitUntil } from '../../../test/engines/engine.ts'
import {
  createHost,
  createUserId,
  idleTimeoutSeconds,
  password,
  readRows,
  runScenario,
  startAuthCollector,
} from './betterAuthHost.ts'

let collector: Awaited<ReturnType<typeof startAuthCollector>>
beforeAll(async () => {
  collector = await startAuthCollector()
})
afterAll(() => collector.end())

test.concurrent('An expired row that better-auth does not delete is found by the job', async () => {
  const user = createUserId()
  const session = { expiresIn: idleTimeoutSeconds, updateAge: 60, deferSessionRefresh: true }
  const host = await createHost(collector, {
    session,
    lapseOptions: { expiredSessions: { everySeconds: 0.2 } },
  })
  const browser = host.openUnwatchedBrowser()
  await browser.signUp(user)
  await host.age(user, idleTimeoutSeconds - 1)
  await sleep(1100)
  host.watch(browser)
  expect(await browser.getSession()).toBeNull()
  expect(await host.listRows(user)).toHaveLength(1)
  await waitUntil(async () => (await readRows(collector, user)).length > 0, 'the row')
  await host.close()
  expect(await readRows(collector, user)).toMatchObject([{ reason: 'idle_timeout', evidence: 'server' }])
})

test.concurrent('A sign-in over an expired session records its idle timeout', async () => {
  const rows = await runScenario(collector, {}, async ({ openUnwatchedBrowser, age, watch }, user) => {
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
    const rows = await runScenario(
      collector,
      {},
      async ({ openUnwatchedBrowser, age, listRows, watch }, user) => {
        const browser = openUnwatchedBrowser()
        await browser.signUp(user)
        await age(user, 100)
        // Extends the session.
        await browser.getSession()
        await age(user, idleTimeoutSeconds + 60)
        ;[before] = await listRows(user)
        watch(browser)
        await (path === '/get-session' ? browser.getSession() : browser.post(path))
      },
    )
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
  const rows = await runScenario(collector, options, async ({ openUnwatchedBrowser, age, watch }, user) => {
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
  await host.age(user, idleTimeoutSeconds - 1)
  await waitUntil(async () => (await readRows(collector, user)).length > 0, 'the row')
  await sleep(1000)
  expect(await readRows(collector, user)).toMatchObject([{ reason: 'idle_timeout', evidence: 'server' }])
  await Promise.all([host.close(), replica.close()])
  expect([...host.errors, ...replica.errors]).toEqual([])
})

test.concurrent('A job that cannot read the table says so, and goes on', async () => {
  const user = createUserId()
  const database = new DatabaseSync(':memory:')
  const lapseOptions = { expiredSessions: { everySeconds: 0.2 } }
  const host = await createHost(collector, { database, lapseOptions })
  await host.openUnwatchedBrowser().signUp(user)
  database.exec('ALTER TABLE session RENAME TO hidden')
  await waitUntil(async () => host.errors.length > 1, 'two errors')
  database.exec('ALTER TABLE hidden RENAME TO session')
  await host.age(user, idleTimeoutSeconds - 1)
  await waitUntil(async () => (await readRows(collector, user)).length > 0, 'the row')
  await host.close()
  expect(host.errors[0]?.message).toContain('no such table')
})

test.concurrent('A row that is broken does not hide the others from the job', async () => {
  const [broken, user] = [createUserId(), createUserId()]
  const database = new DatabaseSync(':memory:')
  const host = await createHost(collector, {
    database,
    lapseOptions: { expiredSessions: { everySeconds: 0.2 } },
  })
  for (const name of [broken, user]) {
    await host.openUnwatchedBrowser().signUp(name)
    await host.age(name, idleTimeoutSeconds)
  }
  database.prepare("UPDATE session SET createdAt = 'broken' WHERE userId = ?").run(broken)
  await waitUntil(async () => (await readRows(collector, user)).length > 0, 'the row')
  await host.close()
  expect(host.errors[0]?.message).toContain('without id, token, userId, createdAt or expiresAt')
})
