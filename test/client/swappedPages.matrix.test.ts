import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { waitUntil } from '../engines/engine.ts'
import { createEngines } from '../engines/engines.ts'
import { buildAstroRouter } from './buildAstroRouter.ts'
import { type Environment, patientTimeoutSeconds, startEnvironment } from './environment.ts'
import { astro, createSwappedPages, htmx, libraryFiles, type SwapLibrary, turbo } from './swappedPages.ts'
import { createSwappingUser, type SwappingUser } from './swappingUser.ts'

const cases = [
  { site: 'turboHead', patientSite: 'turboPatientHead', library: 'Turbo', place: 'head' },
  { site: 'turboBody', patientSite: 'turboPatientBody', library: 'Turbo', place: 'body' },
  { site: 'htmxHead', patientSite: 'htmxPatientHead', library: 'htmx', place: 'head' },
  { site: 'htmxBody', patientSite: 'htmxPatientBody', library: 'htmx', place: 'body' },
  { site: 'astroHead', patientSite: 'astroPatientHead', library: 'Astro', place: 'head' },
  { site: 'astroBody', patientSite: 'astroPatientBody', library: 'Astro', place: 'body' },
] as const

let env: Environment<(typeof cases)[number]['site' | 'patientSite']>
beforeAll(async () => {
  const files = { ...libraryFiles, '/static/astro.js': await buildAstroRouter() }
  const createSite = (library: SwapLibrary, place: 'head' | 'body', idleTimeoutSeconds = 3) => ({
    idleTimeoutSeconds,
    pages: createSwappedPages(library, place),
    files,
  })
  env = await startEnvironment({
    turboHead: createSite(turbo, 'head'),
    turboBody: createSite(turbo, 'body'),
    htmxHead: createSite(htmx, 'head'),
    htmxBody: createSite(htmx, 'body'),
    astroHead: createSite(astro, 'head'),
    astroBody: createSite(astro, 'body'),
    turboPatientHead: createSite(turbo, 'head', patientTimeoutSeconds),
    turboPatientBody: createSite(turbo, 'body', patientTimeoutSeconds),
    htmxPatientHead: createSite(htmx, 'head', patientTimeoutSeconds),
    htmxPatientBody: createSite(htmx, 'body', patientTimeoutSeconds),
    astroPatientHead: createSite(astro, 'head', patientTimeoutSeconds),
    astroPatientBody: createSite(astro, 'body', patientTimeoutSeconds),
  })
})
afterAll(() => env.end())

describe.concurrent.each(createEngines())('In $name,', (engine) => {
  afterAll(() => engine.stop())

  describe.each(cases)('$library with the tag in the $place', { concurrent: false }, ({ site }) => {
    let user: SwappingUser
    beforeEach(async () => {
      user = await createSwappingUser(engine, env, env.hosts[site])
    })
    afterEach(() => user.browser.close())

    test('leaves one row when a visit after the timeout leads to the login page, and follows the next session', async () => {
      const first = await user.enter()
      await user.clickAndWait('#reports', 'Application')
      await user.waitUntilExpired()
      await user.clickAndWait('#home', 'Login')
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', marker: first })
      expect(await user.readMessage()).toBe('You were signed out after 3 seconds without activity.')
      expect(await user.readMarker()).toBeUndefined()

      const second = await user.signInWithForm()
      expect(second).not.toBe(first)
      await user.expectOneRow()

      await user.waitUntilExpired()
      await user.clickAndWait('#reports', 'Login')
      await waitUntil(async () => (await user.countReports()) === 2, 'the second report')
      await sleep(800)
      const rows = await env.readRows([user.subject])
      expect(rows.map(({ reason, marker }) => ({ reason, marker }))).toEqual([
        { reason: 'idle_timeout', marker: first },
        { reason: 'idle_timeout', marker: second },
      ])
    })

    test('leaves no row and no second client after many visits, and one report after the timeout', async () => {
      const id = await user.enter()
      for (let visits = 0; visits < 5; visits++) {
        await user.clickAndWait('#reports', 'Application')
        await user.clickAndWait('#home', 'Application')
      }
      await user.expectNoRow()
      expect(await user.readMarker()).toMatchObject({ id })
      expect(await user.tab.evaluate('requestObservers')).toBe(1)
      await user.waitUntilExpired()
      await user.clickAndWait('#reports', 'Login')
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', marker: id })
      expect(await user.countReports()).toBe(1)
    })

    test('leaves idle_timeout when the user signs out too late', async () => {
      const id = await user.enter()
      await user.clickAndWait('#reports', 'Application')
      await user.waitUntilExpired()
      await user.clickAndWait('#sign-out', 'Login')
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', marker: id })
    })
  })

  describe.each(cases)('$library with the tag in the $place, in time,', { concurrent: false }, (of) => {
    let user: SwappingUser
    beforeEach(async () => {
      user = await createSwappingUser(engine, env, env.hosts[of.patientSite])
    })
    afterEach(() => user.browser.close())

    test('leaves no row and keeps the marker when the user goes back to the login page while signed in', async () => {
      await user.load('/login')
      const id = await user.signInWithForm()
      await user.clickAndWait('#reports', 'Application')
      await user.tab.evaluate('void history.go(-2)')
      // The server redirects a library that asks it for the page. Otherwise, the page comes from the library's cache.
      await sleep(1000)
      await user.expectNoRow()
      expect(await user.readMarker()).toMatchObject({ id })
    })

    test('leaves no row when the user signs out, and starts the next session', async () => {
      const first = await user.enter()
      await user.clickAndWait('#reports', 'Application')
      await user.clickAndWait('#sign-out', 'Login')
      await user.expectNoRow()
      expect(await user.readMarker()).toBeUndefined()
      expect(await user.signInWithForm()).not.toBe(first)
      await user.expectNoRow()
    })

    test('leaves no row when a response with a tag is an error that is not swapped', async ({ skip }) => {
      skip(of.library !== 'htmx', 'the other libraries show the page of an error')
      const id = await user.enter()
      await user.tab.evaluate(
        "void document.querySelector('#reports').setAttribute('href', '/login?stay=1&status=404')",
      )
      await user.tab.evaluate("void document.querySelector('#reports').click()")
      await user.expectNoRow()
      expect(await user.tab.evaluate('document.title')).toBe('Application')
      expect(await user.readMarker()).toMatchObject({ id })
    })
  })
})
