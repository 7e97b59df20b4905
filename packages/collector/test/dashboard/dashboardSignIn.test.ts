import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, inject, onTestFinished } from 'vitest'
import { mintToken } from '../../src/auth/token.ts'
import { createCollectorWithRows, issueDashboardToken, setUpBrowser, test } from '../support/dashboardPage.ts'

const openDashboard = setUpBrowser()

describe.each(inject('databaseServers'))('On $name,', (server) => {
  test('the dashboard shows the chart, the return times and the ended sessions after sign-in', async () => {
    const { collector, token } = await createCollectorWithRows(server)
    onTestFinished(() => collector.end())
    const dashboard = await openDashboard(collector.url)
    await dashboard.signIn(token)
    await dashboard.waitForChart()
    await expect.poll(() => dashboard.sessionCount.textContent()).toBe('61 sessions')
    await dashboard.page.getByRole('tab', { name: 'Is the limit too short?' }).click()
    await expect
      .poll(() => dashboard.page.locator('.limit-tab .headline').textContent())
      .toMatch(/^45 min would have kept 100% of those who came back/)
    await dashboard.expectRowCount(50)
    await expect.poll(() => dashboard.rows.first().textContent()).toContain('Logout')
    const cookies = await dashboard.page.context().cookies()
    expect(cookies.find(({ name }) => name === 'lapse-dashboard')).toMatchObject({
      httpOnly: true,
      sameSite: 'Strict',
      path: '/',
    })
  })
})

describe('The sign-in page', () => {
  test('rejects a malformed, an unknown and a revoked token', async ({ collector }) => {
    const dashboard = await openDashboard(collector.url)
    const revoked = await issueDashboardToken(collector, { revokedAt: new Date() })
    for (const invalidToken of ['nonsense', mintToken().token, revoked.token]) {
      await dashboard.signIn(invalidToken)
      await dashboard.page.getByText('Invalid token.').waitFor()
      await dashboard.expectFocus('token')
      await dashboard.page.reload()
    }
    expect(await dashboard.page.context().cookies()).toEqual([])
  })

  test('rejects a write token', async ({ collector }) => {
    const dashboard = await openDashboard(collector.url)
    const { token } = await issueDashboardToken(collector, { scope: 'write' })
    await dashboard.signIn(token)
    await dashboard.page.getByText('This token does not have the “read” scope.').waitFor()
    expect(await dashboard.page.context().cookies()).toEqual([])
  })

  test('replaces the dashboard after a sign-out, which also ends read access', async ({
    collector,
    token,
  }) => {
    const dashboard = await openDashboard(collector.url)
    await dashboard.signIn(token)
    await dashboard.getButton('Sign out').click()
    await dashboard.page.getByLabel('Token').waitFor()
    await dashboard.expectFocus('token')
    expect(await dashboard.page.evaluate(async () => (await fetch('v1/lapses')).status)).toBe(401)
    await expect
      .poll(async () => (await collector.database.readRows()).filter((row) => row.site === 'lapse'))
      .toMatchObject([{ reason: 'logout', evidence: 'signed' }])
    await collector.database.sql('session_audit').where({ site: 'lapse' }).delete()
  })

  test('explains why the session ended when the token was revoked', async ({ collector }) => {
    const dashboard = await openDashboard(collector.url)
    const { id, token } = await issueDashboardToken(collector)
    await dashboard.signIn(token)
    await dashboard.waitForRows()
    // Delay the reason, so that two requests are refused before it is known.
    await dashboard.page.route('**/v1/lapses', async (route) => {
      if (route.request().method() === 'POST') await sleep(500)
      await route.continue()
    })
    await collector.store.tokens.revoke(id, new Date())
    await dashboard.page.evaluate(() => {
      for (let count = 0; count < 2; count++) document.dispatchEvent(new Event('visibilitychange'))
    })
    await dashboard.page.getByText('You were signed out because your token expired or was revoked.').waitFor()
    await dashboard.expectFocus('token')
    await collector.database.sql('session_audit').where({ site: 'lapse' }).delete()
  })
})
