import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { waitUntil } from '../engines/engine.ts'
import { createEngines } from '../engines/engines.ts'
import { type Environment, startEnvironment } from './environment.ts'
import { createVisitor, type Visitor } from './visitor.ts'

let env: Environment<'app'>
beforeAll(async () => {
  const otherOrigins = (port: number) => [`http://app.localhost:${port}`]
  env = await startEnvironment({ app: { idleTimeoutSeconds: 3, otherOrigins } })
})
afterAll(() => env.end())

describe.concurrent.each(createEngines())('In $name, of two markers,', (engine) => {
  afterAll(() => engine.stop())

  let user: Visitor
  beforeEach(async () => {
    const { app } = env.hosts
    const url = app.url.replace('127.0.0.1', 'app.localhost')
    user = await createVisitor(engine, env, { ...app, url })
  })
  afterEach(() => user.browser.close())

  const countMarkers = () =>
    user.tab.evaluate<number>(
      "document.cookie.split('; ').filter((cookie) => cookie.startsWith('lapse-app=')).length",
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
      const { id } = await user.signIn()
      const query = 'data-cookie-domain=app.localhost&data-idle-timeout-seconds=3'
      await user.open(`/reports?${query}`)
      await waitUntil(async () => (await countMarkers()) === 1, 'the only marker')
      expect(await user.readMarker()).toMatchObject({ id })
      await user.tab.click('#form button')
      await user.waitForPath('/login')
      expect(await countMarkers()).toBe(0)
      await user.expectNoRow()
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
