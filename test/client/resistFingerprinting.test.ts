import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { waitUntil } from '../engines/engine.ts'
import { createEngines } from '../engines/engines.ts'
import { createFirefox } from '../engines/firefox.ts'
import { type Environment, startEnvironment } from './environment.ts'
import { createVisitor, readSentTime, type Visitor } from './visitor.ts'

const hasFirefox = createEngines().some(({ name }) => name === 'Firefox')

describe.runIf(hasFirefox)('In Firefox with privacy.resistFingerprinting,', () => {
  const engine = createFirefox({ 'privacy.resistFingerprinting': true })
  let env: Environment<'app'>
  beforeAll(async () => {
    env = await startEnvironment({ app: { idleTimeoutSeconds: 3 } })
  })
  afterAll(async () => {
    await engine.stop()
    await env.end()
  })

  let user: Visitor
  beforeEach(async () => {
    user = await createVisitor(engine, env, env.hosts.app)
  })
  afterEach(() => user.browser.close())

  test('an idle session leaves one row, and the pages that load count as activity', async () => {
    await user.signIn()
    await sleep(500)
    await user.open('/reports?data-idle-timeout-seconds=3')
    const { id, at = 0 } = (await user.readMarker()) ?? {}
    await user.waitUntilExpired()
    await user.open('/')
    const row = await user.expectOneRow()
    expect(row).toMatchObject({ reason: 'idle_timeout', marker: id })
    expect(Math.abs(readSentTime(row, 'last_access_at') - at)).toBeLessThan(1500)
  })

  test('requests count as activity', async () => {
    await user.signIn()
    await user.open('/reports?data-idle-timeout-seconds=3')
    const { at = 0 } = (await user.readMarker()) ?? {}
    await user.tab.evaluate(
      "void setInterval(() => fetch('/api/me').then((response) => response.text()), 300)",
    )
    await waitUntil(async () => ((await user.readMarker())?.at ?? 0) > at + 1000, 'the marker to move')
  })
})
