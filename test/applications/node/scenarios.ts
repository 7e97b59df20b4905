import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Application } from '../../client/application.ts'
import { type Environment, type SiteOptions, startApplications } from '../../client/environment.ts'
import type { HostOptions } from '../../client/hostOptions.ts'
import { createVisitor, type Visitor } from '../../client/visitor.ts'
import { waitUntil } from '../../engines/engine.ts'
import { createEngines } from '../../engines/engines.ts'

/** What a test of one application needs. */
export interface Context<Site extends string> {
  readonly env: Environment<Site, Application>
  /** Opens a browser for a user of the application. It is closed after the test. */
  openBrowser(site: Site): Promise<Visitor>
}

/**
 * Tests an application in each engine: starts it once for each site, and runs the tests.
 *
 * @param addTests adds the tests. Its argument is complete only when they run.
 */
export function testApplication<Site extends string>(
  name: string,
  start: (options: HostOptions) => Promise<Application>,
  sites: Readonly<Record<Site, SiteOptions>>,
  addTests: (context: Context<Site>) => void,
): void {
  let env: Environment<Site, Application>
  beforeAll(async () => {
    env = await startApplications(sites, start)
  })
  afterAll(() => env.end())

  describe.concurrent.each(createEngines())(`In $name, ${name}`, (engine) => {
    afterAll(() => engine.stop())

    describe('records', { concurrent: false }, () => {
      let visitor: Visitor | undefined
      beforeEach(() => {
        visitor = undefined
      })
      afterEach(() => visitor?.browser.close())
      addTests({
        get env() {
          return env
        },
        async openBrowser(site) {
          visitor = await createVisitor(engine, env, env.hosts[site])
          return visitor
        },
      })
    })
  })
}

/** Adds the tests that hold for every application with an idle timeout. */
export function addCommonTests<Site extends string>(context: Context<Site>, site: Site): void {
  test('one idle_timeout when the user comes back after the timeout, and no row while the user is active', async () => {
    const user = await context.openBrowser(site)
    const { id, sid } = await user.signIn()
    const pauseMs = context.env.hosts[site].idleTimeoutSeconds * 300
    for (let visits = 0; visits < 4; visits++) {
      await sleep(pauseMs)
      await user.open('/')
      await user.waitForMarker(user.subject)
    }
    await user.expectNoRow()
    await user.waitUntilExpired()
    await user.open('/')
    const row = await user.expectOneRow()
    expect(row).toMatchObject({ reason: 'idle_timeout', marker: id, session: sid, subject: user.subject })
    expect(await user.readMarker()).toBeUndefined()
  })

  test('no row when the user signs out in time', async () => {
    const user = await context.openBrowser(site)
    await user.signIn()
    await signOut(user)
    await user.expectNoRow()
    expect(await user.readMarker()).toBeUndefined()
  })

  test('one idle_timeout when the user signs out on a page whose session has expired', async () => {
    const user = await context.openBrowser(site)
    const { id } = await user.signIn()
    await user.waitUntilExpired()
    await signOut(user)
    expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', marker: id })
    expect(await user.readMarker()).toBeUndefined()
  })

  test('one idle_timeout when the user signs in again without coming to the login page', async () => {
    const user = await context.openBrowser(site)
    const { id } = await user.signIn()
    await user.waitUntilExpired()
    await user.open(`/sign-in?user=${user.subject}`)
    await waitUntil(async () => {
      const next = await user.readMarker().catch(() => undefined)
      return next !== undefined && next.id !== id
    }, 'the next marker')
    expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', marker: id })
  })
}

/**
 * Adds the tests of an application that extends a session only once half of its time has passed.
 *
 * @param sites two sites with the same limit, with `refreshSeconds` and without.
 */
export function addLazyRefreshTests<Site extends string>(
  context: Context<Site>,
  sites: { readonly declared: Site; readonly undeclared: Site },
): void {
  test.each([
    { title: 'idle_timeout with refreshSeconds', site: sites.declared, reason: 'idle_timeout' },
    { title: 'ended_early without refreshSeconds', site: sites.undeclared, reason: 'ended_early' },
  ])('$title when an access too early did not extend the session', async ({ site, reason }) => {
    const user = await context.openBrowser(site)
    const { id, since } = await user.signIn()
    const limitMs = context.env.hosts[site].idleTimeoutSeconds * 1000
    // Before half of the time has passed, and so late that the grace does not cover the difference.
    await sleep(since + limitMs / 3 - Date.now())
    await user.open('/')
    await waitUntil(
      async () => ((await user.readMarker())?.at ?? 0) > since + limitMs / 4,
      'the marker to move',
    )
    await sleep(since + limitMs + 500 - Date.now())
    await user.open('/')
    expect(await user.expectOneRow()).toMatchObject({ reason, marker: id })
  })
}

async function signOut(user: Visitor): Promise<void> {
  await user.tab.click('#form button')
  await user.waitForPath('/login')
}
