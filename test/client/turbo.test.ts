import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createEngines } from '../engines/engines.ts'
import { type Environment, patientTimeoutSeconds, startEnvironment } from './environment.ts'
import { createSwappedPages, libraryFiles, turbo } from './swappedPages.ts'
import { createSwappingUser, type SwappingUser } from './swappingUser.ts'

const cases = [
  { site: 'head', patientSite: 'patientHead', place: 'head' },
  { site: 'body', patientSite: 'patientBody', place: 'body' },
] as const

let env: Environment<(typeof cases)[number]['site' | 'patientSite']>
beforeAll(async () => {
  const createSite = (place: 'head' | 'body', idleTimeoutSeconds: number) => ({
    idleTimeoutSeconds,
    pages: createSwappedPages(turbo, place),
    files: libraryFiles,
  })
  env = await startEnvironment({
    head: createSite('head', 3),
    body: createSite('body', 3),
    patientHead: createSite('head', patientTimeoutSeconds),
    patientBody: createSite('body', patientTimeoutSeconds),
  })
})
afterAll(() => env.end())

describe.concurrent.each(createEngines())('In $name,', (engine) => {
  afterAll(() => engine.stop())

  describe.each(cases)('Turbo with the tag in the $place', { concurrent: false }, ({ site }) => {
    let user: SwappingUser
    beforeEach(async () => {
      user = await createSwappingUser(engine, env, env.hosts[site])
    })
    afterEach(() => user.browser.close())

    test('leaves the marker alone while it shows a preview of the application after the timeout', async () => {
      await user.enter()
      await user.swap(`Turbo.visit('/reports?held=${user.subject}')`, 'Application')
      await user.clickAndWait('#home', 'Application')
      await user.waitUntilExpired()
      const before = await user.readMarker()
      await user.preview(`/reports?held=${user.subject}`, 'Login', async () => {
        expect(await user.tab.evaluate('document.title')).toBe('Application')
        expect(await user.readMarker()).toEqual(before)
      })
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', marker: before?.id })
    })

    test('restores the login page from its cache without a row, and the application without a new marker', async () => {
      await user.enter()
      await user.clickAndWait('#reports', 'Application')
      await user.waitUntilExpired()
      await user.clickAndWait('#home', 'Login')
      await user.expectOneRow()
      await user.swap('history.back()', 'Application')
      await user.expectOneRow()
      expect(await user.readMarker()).toBeUndefined()

      await user.swap('history.forward()', 'Login')
      const id = await user.signInWithForm()
      await user.swap('history.back()', 'Login')
      await user.expectOneRow()
      expect(await user.readMarker()).toMatchObject({ id })
    })

    test('leaves one row when it morphs the application into the login page', async () => {
      await user.enter()
      await user.swap("Turbo.visit('/reports?login-in-place=1')", 'Application')
      const { id } = (await user.readMarker()) ?? {}
      await user.swap("Turbo.visit(location.href, { action: 'replace' })", 'Application')
      await user.expectNoRow()
      await user.waitUntilExpired()
      await user.swap("Turbo.visit(location.href, { action: 'replace' })", 'Login')
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', marker: id })
      expect(await user.readMessage()).toBe('You were signed out after 3 seconds without activity.')
    })
  })

  describe.each(cases)(
    'Turbo with the tag in the $place, in time,',
    { concurrent: false },
    ({ patientSite }) => {
      let user: SwappingUser
      beforeEach(async () => {
        user = await createSwappingUser(engine, env, env.hosts[patientSite])
      })
      afterEach(() => user.browser.close())

      test('leaves no row while it shows a preview of the login page, while signed in', async () => {
        await user.load('/login')
        await user.swap(`Turbo.visit('/login?held=${user.subject}')`, 'Login')
        const id = await user.signInWithForm()
        await user.preview(`/login?held=${user.subject}`, 'Application', async () => {
          expect(await user.tab.evaluate('document.title')).toBe('Login')
        })
        await user.expectNoRow()
        expect(await user.readMarker()).toMatchObject({ id })
      })
    },
  )
})
