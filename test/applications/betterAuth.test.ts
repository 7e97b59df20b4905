import { expect, test } from 'vitest'
import { startBetterAuth } from './node/betterAuth.ts'
import { addCommonTests, addLazyRefreshTests, testApplication } from './node/scenarios.ts'

const sites = {
  auth: { idleTimeoutSeconds: 6, refreshSeconds: 3 },
  undeclared: { idleTimeoutSeconds: 6 },
}

testApplication('better-auth', startBetterAuth, sites, (context) => {
  addCommonTests(context, 'auth')
  addLazyRefreshTests(context, { declared: 'auth', undeclared: 'undeclared' })

  test('one idle_timeout when the page gets the focus after the timeout, although its state is stale until then', async () => {
    const user = await context.openBrowser('auth')
    const { id, at } = await user.signIn()
    await user.waitUntilExpired()
    const before = await user.tab.evaluate<number>('staleUpdates')
    await user.tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    await user.waitForTitle('Login')
    expect(await user.tab.evaluate('staleUpdates')).toBeGreaterThan(before)
    const row = await user.expectOneRow()
    expect(row).toMatchObject({ reason: 'idle_timeout', marker: id })
    expect(Date.parse(String(row.last_access_at)) - Number(row.clock_skew_ms)).toBeLessThan(at + 1500)
  })
})
