import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { waitUntil } from '../engines/engine.ts'
import { createEngines } from '../engines/engines.ts'
import { type Environment, patientTimeoutSeconds, startEnvironment } from './environment.ts'
import type { Host } from './host.ts'
import { createVisitor, createVisitorInTab, type Visitor } from './visitor.ts'

let env: Environment<'app' | 'patient'>
beforeAll(async () => {
  const otherOrigins = (port: number) => [`http://app.localhost:${port}`]
  env = await startEnvironment({
    app: { idleTimeoutSeconds: 3, otherOrigins },
    patient: { idleTimeoutSeconds: patientTimeoutSeconds, otherOrigins },
  })
})
afterAll(() => env.end())

describe.concurrent.each(createEngines())('In $name, of two markers,', (engine) => {
  afterAll(() => engine.stop())

  const atOtherOrigin = (host: Host) => ({ ...host, url: host.url.replace('127.0.0.1', 'app.localhost') })

  let user: Visitor
  beforeEach(async () => {
    user = await createVisitor(engine, env, atOtherOrigin(env.hosts.app))
  })
  afterEach(() => user.browser.close())

  const countMarkers = (site = 'app') =>
    user.tab.evaluate<number>(
      `document.cookie.split('; ').filter((cookie) => cookie.startsWith('lapse-${site}=')).length`,
    )

  describe('the client', { concurrent: false }, () => {
    test('keeps the one of its path, and reports nothing about the other', async () => {
      const { id } = await user.signIn()
      const old = `v=1&id=${crypto.randomUUID()}&since=${Date.now() - 60_000}&at=${Date.now() - 60_000}&sid=old&sub=${user.subject}`
      await user.tab.evaluate(`void (document.cookie = 'lapse-app=${old}; path=/reports; max-age=600')`)
      await user.open('/reports')
      await waitUntil(async () => (await countMarkers()) === 1, 'the only marker')
      expect(await user.readMarker()).toMatchObject({ id })
      await user.expectNoRow()
      await user.waitUntilExpired()
      await user.open('/login')
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', marker: id })
    })

    test('keeps the one of its domain, and removes both when the user signs out', async () => {
      const own = createVisitorInTab(user.browser, user.tab, env, atOtherOrigin(env.hosts.patient), user)
      const { id } = await own.signIn()
      const query = `data-cookie-domain=app.localhost&data-idle-timeout-seconds=${patientTimeoutSeconds}`
      await own.open(`/reports?${query}`)
      await waitUntil(async () => (await countMarkers('patient')) === 1, 'the only marker')
      expect(await own.readMarker()).toMatchObject({ id })
      await own.tab.click('#form button')
      await own.waitForPath('/login')
      expect(await countMarkers('patient')).toBe(0)
      await own.expectNoRow()
    })

    test('keeps the one of its domain, so a session that began under the old settings leaves one row', async () => {
      const { id } = await user.signIn()
      const query = 'data-cookie-domain=app.localhost&data-idle-timeout-seconds=3'
      await user.open(`/reports?${query}`)
      await user.waitUntilExpired()
      await user.open(`/?${query}`)
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', marker: id })
      expect(await countMarkers()).toBe(0)
      await user.open('/login')
      await user.expectOneRow()
    })
  })
})
