import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, inject, onTestFinished } from 'vitest'
import { mintToken } from '../src/lapse/token.ts'
import { createFilled, focused, issue, lines, signIn, test, useBrowser } from './dashboardPage.ts'

const open = useBrowser()

describe.each(inject('databaseServers'))('the dashboard on $name', (server) => {
  test('shows the chart, the return times and the rows to whoever has a token to read', async () => {
    const { collector, token } = await createFilled(server)
    onTestFinished(() => collector.end())
    const page = await open(collector.url)
    await signIn(page, token)
    await page.locator('.chart canvas').waitFor()
    await expect.poll(() => page.locator('.ended-sessions-card .headline').textContent()).toBe('61 sessions')
    await expect
      .poll(() => page.locator('.past-limit-card .headline').textContent())
      .toMatch(/^Half of the users returned within about 10 min/)
    expect(await lines(page).count()).toBe(50)
    await expect.poll(() => lines(page).first().textContent()).toContain('Logout')
    const [cookie] = (await page.context().cookies()).filter(({ name }) => name === 'lapse-dashboard')
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/' })
  })
})

test('refuses a wrong token, one that is revoked, and one to write', async ({ collector }) => {
  const page = await open(collector.url)
  const revoked = await issue(collector, { revokedAt: new Date() })
  for (const bad of ['nonsense', mintToken().token, revoked.token]) {
    await signIn(page, bad)
    await page.getByText('Invalid token.').waitFor()
    await expect.poll(() => focused(page)).toBe('token')
    await page.reload()
  }
  await signIn(page, (await issue(collector, { scope: 'write' })).token)
  await page.getByText('This token does not have the “read” scope.').waitFor()
  expect(await page.context().cookies()).toEqual([])
})

test('exports what the filters let through, as CSV', async ({ collector, token }) => {
  const page = await open(`${collector.url}/?reason=idle_timeout`)
  await signIn(page, token)
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Export CSV' }).click(),
  ])
  const chunks = await (await download.createReadStream()).toArray()
  const text = Buffer.concat(chunks).toString()
  expect(download.suggestedFilename()).toBe('lapses.csv')
  expect(text.trimEnd().split('\r\n')).toHaveLength(61)
})

test('signs out, and leaves nothing to read with', async ({ collector, token }) => {
  const page = await open(collector.url)
  await signIn(page, token)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('Token').waitFor()
  await expect.poll(() => focused(page)).toBe('token')
  expect(await page.evaluate(async () => (await fetch('v1/lapses')).status)).toBe(401)
  await expect
    .poll(async () => (await collector.database.rows()).filter((row) => row.site === 'lapse'))
    .toMatchObject([{ reason: 'logout', evidence: 'signed' }])
  await collector.database.sql('session_audit').where({ site: 'lapse' }).delete()
})

test('says why it ends before the reader’s eyes, when the token is revoked', async ({ collector }) => {
  const page = await open(collector.url)
  const { id, token } = await issue(collector)
  await signIn(page, token)
  await lines(page).first().waitFor()
  // Two requests find that there is no session, long before the first one knows the reason.
  await page.route('**/v1/lapses', async (route) => {
    if (route.request().method() === 'POST') await sleep(500)
    await route.continue()
  })
  await collector.store.revokeToken(id)
  await page.evaluate(() => {
    for (let count = 0; count < 2; count++) document.dispatchEvent(new Event('visibilitychange'))
  })
  await page.getByText('You were signed out because your token expired or was revoked.').waitFor()
  await expect.poll(() => focused(page)).toBe('token')
  await collector.database.sql('session_audit').where({ site: 'lapse' }).delete()
})
