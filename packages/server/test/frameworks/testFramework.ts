import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createBrowserOptions } from '../../../../test/browser.ts'
import { waitUntil } from '../../../../test/engines/engine.ts'
import { startTestApplication, type TestApplication, type TestApplicationOptions } from './testApplication.ts'
import { longestDelayMs, openVisitor, type Row, type Visitor } from './visitor.ts'

/** A full minute takes too long for every run. */
const outageSeconds = Number(process.env.LAPSE_OUTAGE_SECONDS ?? 12)
/** How far a time in a row may be from the time that the test knows. */
const toleranceMs = 3000

/** What the framework cannot do. The guide of the framework says why. */
interface Limits {
  /** The application cannot revoke a session, because the session is in the cookie alone. */
  readonly cannotRevoke?: boolean
  /** How much earlier than the last request the library's last access may be, because it refreshes lazily. */
  readonly refreshMs?: number
}

/** Runs the same scenarios with an application of each framework: in a real browser, with a real collector. */
export function testFramework(name: string, options: TestApplicationOptions, limits: Limits = {}): void {
  describe(`${name}: exactly one current row`, () => {
    // Side by side, because the tests mostly wait.
    describe.concurrent('while the collector is up', () => {
      const context = useApplication({ ...options, replicas: 2 }, limits)
      addTimeoutTests(context)
      addLogoutTests(context)
      addServerEndTests(context)
      addPollingTests(context)
      addReplicaTests(context)
    })
    describe.concurrent('after a restart', () => {
      // The restart of two processes takes some seconds on a busy machine.
      addRestartTest(useApplication({ ...options, replicas: 2, idleTimeoutSeconds: 20 }, limits))
    })
    describe.concurrent('after an outage', () => {
      // On a busy machine, a shorter session could expire before its user signs out.
      addOutageTest(useApplication({ ...options, idleTimeoutSeconds: 20 }, limits))
    })
  })
}

/** Starts an application and a browser for the tests of a suite. */
function useApplication(options: TestApplicationOptions, limits: Limits): Context {
  let browser: Browser
  let application: TestApplication
  beforeAll(async () => {
    browser = await chromium.launch(createBrowserOptions())
    application = await startTestApplication(options)
  })
  afterAll(async () => {
    await browser.close()
    await application.end()
  })
  return {
    openVisitor: (user) => openVisitor(browser, application, user),
    get application() {
      return application
    },
    limits,
  }
}

interface Context {
  readonly application: TestApplication
  readonly limits: Limits
  openVisitor(user?: string): Promise<Visitor>
}

function addTimeoutTests(context: Context): void {
  const { openVisitor } = context
  test('An idle user who returns gets one idle timeout, dated by the last access', async () => {
    const visitor = await openVisitor()
    const accessedAt = await visitor.signIn()
    await visitor.waitUntilExpired()
    await visitor.open('/')
    expect(visitor.readPath()).toBe('/login')
    expectTimeout(await visitor.expectOneRow(), accessedAt, context)
  })

  test('An idle user who never returns gets one idle timeout by the sweep, with the evidence of the server', async () => {
    const visitor = await openVisitor()
    const accessedAt = await visitor.signIn()
    await visitor.context.close()
    const row = await visitor.expectOneRow()
    expect(row).toMatchObject({ detected_by: 'sweep', evidence: 'server' })
    expectTimeout(row, accessedAt, context)
  })
}

function addLogoutTests(context: Context): void {
  const { openVisitor } = context
  test('A logout is recorded as a logout, with the evidence of the server', async () => {
    const visitor = await openVisitor()
    await visitor.signIn()
    await visitor.signOut()
    const signedOutAt = Date.now()
    const row = await visitor.expectOneRow()
    expect(row).toMatchObject({ reason: 'logout', evidence: 'server', detected_by: 'server' })
    expect(Math.abs(row.detectedAt - signedOutAt)).toBeLessThan(toleranceMs)
  })

  test('A logout on a stale page is recorded as the idle timeout that it is', async () => {
    const visitor = await openVisitor()
    const accessedAt = await visitor.signIn()
    await visitor.waitUntilExpired()
    await visitor.signOut()
    expectTimeout(await visitor.expectOneRow(), accessedAt, context)
  })
}

function addServerEndTests(context: Context): void {
  const { openVisitor, limits } = context
  test.skipIf(limits.cannotRevoke)(
    'A session that an administrator revokes is recorded as revoked',
    async () => {
      const visitor = await openVisitor()
      await visitor.signIn()
      const response = await fetch(`${context.application.url}/revoke?user=${visitor.user}`, {
        method: 'POST',
      })
      expect(response.ok).toBe(true)
      await visitor.open('/')
      expect(visitor.readPath()).toBe('/login')
      expect(await visitor.expectOneRow()).toMatchObject({ reason: 'revoked', evidence: 'server' })
    },
  )

  test.skipIf(limits.cannotRevoke)(
    'A session that a sign-in elsewhere ends is recorded as displaced',
    async () => {
      const first = await openVisitor()
      await first.signIn()
      const second = await openVisitor(first.user)
      await second.signIn()
      expect(await first.expectOneRow()).toMatchObject({ reason: 'displaced', evidence: 'server' })
      await first.open('/')
      expect(first.readPath()).toBe('/login')
      await second.signOut()
      const readReasons = async () => (await first.readCurrentRows()).map(({ reason }) => reason)
      await waitUntil(async () => (await readReasons()).length > 1, 'the row of the second session')
      expect(await readReasons()).toEqual(['displaced', 'logout'])
    },
  )

  test.each([
    { who: 'another user', isSameUser: false },
    { who: 'the same user', isSameUser: true },
  ])(
    'A sign-in of $who over a live session ends it as displaced, not as a logout',
    async ({ isSameUser }) => {
      const visitor = await openVisitor()
      await visitor.signIn()
      const other = isSameUser ? visitor.user : `u_${randomBytes(6).toString('hex')}`
      await visitor.open(`/sign-in?user=${other}`)
      await visitor.page.waitForURL(`${context.application.url}/`)
      expect(await visitor.expectOneRow()).toMatchObject({ reason: 'displaced', evidence: 'server' })
    },
  )
}

function addPollingTests(context: Context): void {
  const { openVisitor } = context
  test('Polling that keeps the session alive also keeps it from being recorded', async () => {
    const visitor = await openVisitor()
    await visitor.signIn()
    await poll(visitor, '/poll')
    await sleep(context.application.idleTimeoutSeconds * 1700)
    await visitor.expectNoRow()
    await visitor.open('/')
    expect(visitor.readPath()).toBe('/')
  })

  test('Polling that does not extend the session does not hide the timeout', async () => {
    const visitor = await openVisitor()
    const accessedAt = await visitor.signIn()
    await poll(visitor, '/status')
    await visitor.waitUntilExpired()
    await visitor.open('/')
    expect(visitor.readPath()).toBe('/login')
    expectTimeout(await visitor.expectOneRow(), accessedAt, context)
  })
}

function addReplicaTests(context: Context): void {
  const { openVisitor } = context
  test('A session that moves between two replicas is dated by the last access to either', async () => {
    const visitor = await openVisitor()
    const [first, second] = context.application.urls
    await visitor.signIn(first)
    await sleep(context.application.idleTimeoutSeconds * 700)
    const accessedAt = await visitor.open('/', second)
    expect(visitor.readPath()).toBe('/')
    await visitor.context.close()
    expectTimeout(await visitor.expectOneRow(), accessedAt, context)
  })

  test('A logout at the replica that did not sign in the user is recorded once', async () => {
    const visitor = await openVisitor()
    const [first, second] = context.application.urls
    await visitor.signIn(first)
    await visitor.open('/', second)
    await visitor.signOut()
    expect(await visitor.expectOneRow()).toMatchObject({ reason: 'logout', evidence: 'server' })
  })
}

function addRestartTest(context: Context): void {
  test('A restart of the application ends no session', async () => {
    const visitor = await context.openVisitor()
    await visitor.signIn()
    await context.application.restart()
    const accessedAt = await visitor.open('/')
    expect(visitor.readPath()).toBe('/')
    await visitor.expectNoRow()
    await visitor.context.close()
    expectTimeout(await visitor.expectOneRow(), accessedAt, context)
  })
}

function addOutageTest(context: Context): void {
  test(`While the collector is down for ${outageSeconds} s, nobody waits and nothing is lost`, async () => {
    const { collector } = context.application
    await collector.stop()
    const startedAt = Date.now()
    const [leaving, staying] = [await context.openVisitor(), await context.openVisitor()]
    await measureSignIn(leaving)
    await leaving.signOut()
    const signedOutAt = Date.now()
    const accessedAt = await measureSignIn(staying)
    await staying.context.close()
    await sleep(Math.max(0, startedAt + outageSeconds * 1000 - Date.now()))
    await collector.start()

    // The activity may arrive before the logout. Then the sweep records a timeout, which the logout corrects.
    const isLogout = async () => (await leaving.readCurrentRows()).some(({ reason }) => reason === 'logout')
    await waitUntil(isLogout, 'the logout', longestDelayMs)
    const logout = await leaving.expectOneRow()
    expect(logout).toMatchObject({ reason: 'logout', evidence: 'server' })
    expect(Math.abs(logout.detectedAt - signedOutAt)).toBeLessThan(toleranceMs)
    expectTimeout(await staying.expectOneRow(), accessedAt, context)
  }, 240_000)
}

/** Signs in while the collector is down: without the script, so there is no marker. */
async function measureSignIn({ page, user, open }: Visitor): Promise<number> {
  await open(`/sign-in?user=${user}`)
  // Until the page has loaded, its script may not handle the logout.
  await page.waitForURL((url) => url.pathname === '/')
  return Date.now()
}

function poll({ page }: Visitor, path: string): Promise<void> {
  return page.evaluate(
    (url) => void setInterval(() => fetch(url).then((response) => response.text()), 500),
    path,
  )
}

function expectTimeout(row: Row, accessedAt: number, { application, limits }: Context): void {
  const { idleTimeoutSeconds } = application
  expect(row).toMatchObject({ reason: 'idle_timeout', idle_timeout_seconds: idleTimeoutSeconds })
  expect(row.lastAccessAt).toBeGreaterThan(accessedAt - (limits.refreshMs ?? 0) - toleranceMs)
  expect(row.lastAccessAt).toBeLessThan(accessedAt + toleranceMs)
  // Never later than the detection: a report that took long on a busy machine dates the last access a little late.
  expect(row.expiredAt).toBe(Math.min(row.lastAccessAt + idleTimeoutSeconds * 1000, row.detectedAt))
}
