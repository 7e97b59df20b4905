import { describe, expect } from 'vitest'
import { minuteMs, noon, setUpBrowser, test } from '../support/dashboardPage.ts'
import { insertRows } from '../support/rows.ts'

const openDashboard = setUpBrowser()

describe('The list of session ends', () => {
  test('has links to older pages, and a button back to newer ones', async ({ collector, token }) => {
    const dashboard = await openDashboard(collector.url)
    await dashboard.signIn(token)
    await dashboard.getLink('Older').click()
    await dashboard.expectRowCount(11)
    await dashboard.page.reload()
    await dashboard.expectRowCount(11)
    await dashboard.getButton('Newer').click()
    await dashboard.expectRowCount(50)
  })

  test('goes back one page after details were open, and does not open them again', async ({
    collector,
    token,
  }) => {
    const dashboard = await openDashboard(`${collector.url}/?range=90d`)
    await dashboard.signIn(token)
    await dashboard.getLink('Older').click()
    await dashboard.expectRowCount(11)
    const urlOfOlderPage = dashboard.page.url()
    await dashboard.rows.first().click()
    await dashboard.waitForDialog('Idle timeout')
    await dashboard.page.keyboard.press('Escape')
    await dashboard.expectNoDialog()
    await expect.poll(() => dashboard.page.url()).toBe(urlOfOlderPage)
    await dashboard.getButton('Newer').click()
    await dashboard.expectRowCount(50)
    await dashboard.expectUrlQuery('?range=90d')
    await dashboard.expectNoDialog()
  })

  test('has no "Newer" button on an older page that was opened by its URL', async ({ collector, token }) => {
    const dashboard = await openDashboard(collector.url)
    await dashboard.signIn(token)
    const older = await dashboard.getLink('Older').getAttribute('href')
    await dashboard.openUrl(`${collector.url}/${older}`)
    await dashboard.expectRowCount(11)
    expect(await dashboard.getButton('Newer').count()).toBe(0)
    await dashboard.getLink('Newest').click()
    await dashboard.expectRowCount(50)
  })

  test('opens links in a new tab if a modifier key is held down', async ({ collector, token }) => {
    const dashboard = await openDashboard(collector.url)
    await dashboard.signIn(token)
    const links = [
      dashboard.rows.first().locator('.detected a'),
      dashboard.page.locator('.legend a').first(),
      dashboard.getLink('Older'),
    ]
    for (const link of links) {
      const [tab] = await Promise.all([
        dashboard.page.context().waitForEvent('page'),
        link.click({ modifiers: ['Control'] }),
      ])
      // A new tab is blank until its first response.
      await tab.waitForURL(new URL((await link.getAttribute('href')) ?? '', collector.url).href)
      expect(tab.url()).not.toBe(dashboard.page.url())
      await tab.close()
    }
    await dashboard.expectUrlQuery('')
  })

  test('lets the user select text in a row without opening its details', async ({ collector, token }) => {
    const dashboard = await openDashboard(collector.url)
    await dashboard.signIn(token)
    const cell = await dashboard.rows.nth(1).locator('.site').boundingBox()
    if (!cell) throw new Error('The cell is not visible.')
    const { mouse } = dashboard.page
    const middle = cell.y + cell.height / 2
    await mouse.move(cell.x + 1, middle)
    await mouse.down()
    await mouse.move(cell.x + cell.width - 4, middle)
    await mouse.up()
    await expect.poll(() => dashboard.page.evaluate(() => getSelection()?.type)).toBe('Range')
    await dashboard.expectUrlQuery('')
  })

  test('leaves out a self-test only if its client, subject and session are those of one', async ({
    collector,
    token,
  }) => {
    const selfTest = { session: 'selftest-played', detected_at: noon, client_version: 'selftest' }
    await insertRows(collector.database.sql, [
      { ...selfTest, session_key: 'played-1', subject: 'selftest' },
      { ...selfTest, session_key: 'played-2', subject: 'u_9' },
    ])
    const dashboard = await openDashboard(`${collector.url}/?search=session:selftest-played`)
    await dashboard.signIn(token)
    await dashboard.expectRowCount(1)
    await expect.poll(() => dashboard.rows.locator('.identifier').first().textContent()).toBe('u_9')
    await collector.database.sql('session_audit').where({ session: 'selftest-played' }).delete()
  })

  test('exports the filtered session ends as CSV', async ({ collector, token }) => {
    const dashboard = await openDashboard(`${collector.url}/?search=reason:idle_timeout`)
    await dashboard.signIn(token)
    const [download] = await Promise.all([
      dashboard.page.waitForEvent('download'),
      dashboard.getLink('Export CSV').click(),
    ])
    const chunks = await (await download.createReadStream()).toArray()
    const csv = Buffer.concat(chunks).toString()
    expect(download.suggestedFilename()).toMatch(/^lapse-all-.*\.csv$/)
    const headerAndRows = csv.trimEnd().split('\r\n')
    expect(headerAndRows).toHaveLength(1 + 60)
  })
})

describe('The details of a session end', () => {
  test('explain the verdict with its times, and open with the keyboard', async ({ collector, token }) => {
    const dashboard = await openDashboard(`${collector.url}/?site=shop&search=user%3Au_0`)
    await dashboard.signIn(token)
    await dashboard.rows.first().locator('.detected a').focus()
    await dashboard.page.keyboard.press('Enter')
    await dashboard.waitForDialog('Idle timeout')
    const formatTime = (at: number) =>
      new Date(at).toLocaleTimeString('en-GB', { timeZone: 'Europe/Vienna', timeStyle: 'medium' })
    const lastAccess = formatTime(noon - 40 * minuteMs)
    const expired = formatTime(noon - 10 * minuteMs)
    const timeline = `Last access ${lastAccess}, limit 30 min, expired ${expired}, detected ${formatTime(noon)}.`
    await dashboard.dialog.getByText(timeline).waitFor()
    await dashboard.dialog
      .getByText('The session was idle for 40 min, 10 min past its limit of 30 min.')
      .waitFor()
    const detectedUtc = `${new Date(noon).toISOString().replace('T', ' ').replace('Z', '')} UTC`
    await dashboard.dialog.getByText(detectedUtc).first().waitFor()
    await dashboard.expectNoAccessibilityViolations()
    await dashboard.page.keyboard.press('Escape')
    await dashboard.expectNoDialog()
    await dashboard.expectUrlQuery('?site=shop&search=user%3Au_0')
  })

  test('stay on the dashboard when they are closed after they were opened by their URL', async ({
    collector,
    token,
  }) => {
    const dashboard = await openDashboard(`${collector.url}/?row=1&range=1y`)
    await dashboard.signIn(token)
    await dashboard.waitForDialog('Idle timeout')
    await dashboard.getButton('Close').click()
    await dashboard.expectNoDialog()
    await dashboard.expectUrlQuery('?range=1y')
  })

  test.for([
    { way: 'Escape', close: 'Escape' },
    { way: 'the back button', close: 'back' },
  ] as const)(
    'return the focus to the row when they are closed with $way',
    async ({ close }, { collector, token }) => {
      const dashboard = await openDashboard(`${collector.url}/?search=user:u_0`)
      await dashboard.signIn(token)
      const row = dashboard.rows.nth(2)
      const linkText = await row.locator('.detected a').textContent()
      await row.locator('td.number').click()
      await dashboard.waitForDialog('Idle timeout')
      if (close === 'back') await dashboard.page.goBack()
      else await dashboard.page.keyboard.press('Escape')
      await dashboard.expectNoDialog()
      await dashboard.expectFocus(linkText)
    },
  )

  test('link to all session ends of the subject at its site, without the current filters', async ({
    collector,
    token,
  }) => {
    const dashboard = await openDashboard(
      `${collector.url}/?reason=idle_timeout&evidence=self_reported&range=7d&session=alias-0`,
    )
    await dashboard.signIn(token)
    await dashboard.rows.first().click()
    await dashboard.getLink('All ended sessions of this subject').click()
    await dashboard.expectRowCount(6)
    await dashboard.expectUrlQuery('?range=5y&search=user%3Au_0&site=shop')
    await dashboard.expectNoDialog()
  })

  test('say that a row does not exist', async ({ collector, token }) => {
    const dashboard = await openDashboard(`${collector.url}/?row=999999`)
    await dashboard.signIn(token)
    await expect
      .poll(() => dashboard.dialog.getByRole('alert').allTextContents())
      .toEqual(['Ended session not found. It may have been deleted.'])
  })
})
