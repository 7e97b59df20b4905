import { expect } from 'vitest'
import { focused, lines, minute, noon, signIn, test, useBrowser, violations } from './dashboardPage.ts'
import { insertRows } from './rows.ts'

const open = useBrowser()
test('turns pages, and back', async ({ collector, token }) => {
  const page = await open(collector.url)
  await signIn(page, token)
  await page.getByRole('link', { name: 'Older' }).click()
  await expect.poll(() => lines(page).count()).toBe(11)
  await page.reload()
  await expect.poll(() => lines(page).count()).toBe(11)
  await page.getByRole('button', { name: 'Newer' }).click()
  await expect.poll(() => lines(page).count()).toBe(50)
})

test('turns back by a page after a detail was open, and goes back past the detail', async ({
  collector,
  token,
}) => {
  const page = await open(`${collector.url}/?range=90d`)
  await signIn(page, token)
  await page.getByRole('link', { name: 'Older' }).click()
  await expect.poll(() => lines(page).count()).toBe(11)
  const address = page.url()
  await lines(page).first().click()
  await page.getByRole('dialog', { name: 'Idle timeout' }).waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await expect.poll(() => page.url()).toBe(address)
  await page.getByRole('button', { name: 'Newer' }).click()
  await expect.poll(() => lines(page).count()).toBe(50)
  await expect.poll(() => new URL(page.url()).search).toBe('?range=90d')
  expect(await page.getByRole('dialog').count()).toBe(0)
})

test('offers the newest rows only, on a page that was come to by its address', async ({
  collector,
  token,
}) => {
  const page = await open(collector.url)
  await signIn(page, token)
  const older = await page.getByRole('link', { name: 'Older' }).getAttribute('href')
  await page.goto(`${collector.url}/${older}`)
  await expect.poll(() => lines(page).count()).toBe(11)
  expect(await page.getByRole('button', { name: 'Newer' }).count()).toBe(0)
  await page.getByRole('link', { name: 'Newest' }).click()
  await expect.poll(() => lines(page).count()).toBe(50)
})

test('closes a detail that was come to by its address, and stays', async ({ collector, token }) => {
  const page = await open(`${collector.url}/?row=1&range=1y`)
  await signIn(page, token)
  await page.getByRole('dialog', { name: 'Idle timeout' }).getByRole('button', { name: 'Close' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await expect.poll(() => new URL(page.url()).search).toBe('?range=1y')
})

test('gives the focus back to the row, however its detail is closed', async ({ collector, token }) => {
  const page = await open(`${collector.url}/?subject=u_0`)
  await signIn(page, token)
  const link = lines(page).nth(2).getByRole('link')
  const text = await link.textContent()
  for (const close of [() => page.keyboard.press('Escape'), () => page.goBack()]) {
    await lines(page).nth(2).locator('.id').first().click()
    await page.getByRole('dialog', { name: 'Idle timeout' }).waitFor()
    await close()
    await page.getByRole('dialog').waitFor({ state: 'detached' })
    await expect.poll(() => focused(page)).toBe(text)
  }
})

test('leaves a click with a key held down to the browser, and text that is being marked', async ({
  collector,
  token,
}) => {
  const page = await open(collector.url)
  await signIn(page, token)
  const links = [
    lines(page).first().getByRole('link'),
    page.locator('.legend a').first(),
    page.getByRole('link', { name: 'Older' }),
  ]
  for (const link of links) {
    const [tab] = await Promise.all([
      page.context().waitForEvent('page'),
      link.click({ modifiers: ['Control'] }),
    ])
    expect(tab.url()).not.toBe(page.url())
    await tab.close()
  }
  const site = await lines(page).nth(1).locator('.site').boundingBox()
  if (!site) throw new Error('There is no such cell.')
  await page.mouse.move(site.x + 1, site.y + site.height / 2)
  await page.mouse.down()
  await page.mouse.move(site.x + site.width - 4, site.y + site.height / 2)
  await page.mouse.up()
  expect(await page.evaluate(() => getSelection()?.type)).toBe('Range')
  expect(new URL(page.url()).search).toBe('')
})

test('shows all rows of a subject at its site, whatever the filters were', async ({ collector, token }) => {
  const page = await open(
    `${collector.url}/?reason=idle_timeout&evidence=self_reported&range=7d&session=alias-0`,
  )
  await signIn(page, token)
  await lines(page).first().click()
  await page.getByRole('link', { name: 'All rows of this subject' }).click()
  await expect.poll(() => lines(page).count()).toBe(6)
  await expect.poll(() => new URL(page.url()).search).toBe('?range=5y&site=shop&subject=u_0')
  expect(await page.getByRole('dialog').count()).toBe(0)
})

test('marks a row as a self-test by its client, its subject and its session', async ({
  collector,
  token,
}) => {
  const given = { session: 'selftest-played', detected_at: noon, client_version: 'selftest' }
  await insertRows(collector.database.sql, [
    { ...given, session_key: 'played-1', subject: 'selftest' },
    { ...given, session_key: 'played-2', subject: 'u_9' },
  ])
  const page = await open(`${collector.url}/?session=selftest-played`)
  await signIn(page, token)
  await expect.poll(() => lines(page).count()).toBe(2)
  await expect
    .poll(() => lines(page).filter({ hasText: 'self-test' }).locator('.id').first().textContent())
    .toBe('selftest')
  expect(await page.getByText('self-test').count()).toBe(1)
  await collector.database.sql('session_audit').where({ session: 'selftest-played' }).delete()
})

test('says in the reader’s words that a row is not there', async ({ collector, token }) => {
  const page = await open(`${collector.url}/?row=999999`)
  await signIn(page, token)
  const note = page.getByRole('dialog').getByRole('alert')
  expect(await note.textContent()).toBe('There is no such row any more.')
})

test('explains a verdict in words and times, opened by the keyboard', async ({ collector, token }) => {
  const page = await open(`${collector.url}/?subject=u_0&site=shop`)
  await signIn(page, token)
  await lines(page).first().getByRole('link').focus()
  await page.keyboard.press('Enter')
  const detail = page.getByRole('dialog', { name: 'Idle timeout' })
  const clock = (at: number) =>
    new Date(at).toLocaleTimeString('en-GB', { timeZone: 'Europe/Vienna', timeStyle: 'medium' })
  const times = [40, 10, 0].map((minutes) => clock(noon - minutes * minute))
  await detail
    .getByText(`Last seen ${times[0]}, limit 30 min, expired ${times[1]}, noticed ${times[2]}.`)
    .waitFor()
  await detail.getByText('That is 10 min past its limit of 30 min.').waitFor()
  expect(await detail.textContent()).toContain(
    `${new Date(noon).toISOString().replace('T', ' ').replace('Z', '')} UTC`,
  )
  expect(await violations(page)).toEqual([])
  await page.keyboard.press('Escape')
  await detail.waitFor({ state: 'detached' })
  await expect.poll(() => new URL(page.url()).search).toBe('?subject=u_0&site=shop')
})
