import { setTimeout as sleep } from 'node:timers/promises'
import { chromium } from 'playwright-core'
import { createBrowserOptions } from '../test/browser.ts'
import { formatRow } from './auditRows.ts'
import type { Demo } from './startDemo.ts'

/**
 * Plays one session in Chromium, from the sign-in to the audit row, and prints each step.
 *
 * @throws if the session does not get exactly one row, or if the row is wrong.
 */
export async function playSession(demo: Demo, print: (text: string) => void): Promise<void> {
  const { appUrl, idleTimeoutSeconds, store } = demo
  const printStep = (step: string) => print(`${new Date().toLocaleTimeString('en-GB')}  ${step}`)
  const readRows = async () => (await store.sessionEnds.readPage({ site: 'demo' }, { limit: 10 })).rows
  const earlierIds = new Set((await readRows()).map(({ id }) => id))

  const browser = await chromium.launch(createBrowserOptions())
  try {
    const page = await browser.newPage()
    await page.goto(`${appUrl}/login`)
    printStep('A new visitor opens the login page. There is no marker, so there is no row.')

    const user = page.locator('button[name=user]').first()
    const subject = await user.getAttribute('value')
    await user.click()
    await page.waitForURL(`${appUrl}/`)
    printStep(`${subject} signs in. From now on, the script keeps a marker.`)

    await page.goto(`${appUrl}/reports`)
    printStep(`${subject} opens a page. This is the last access.`)

    await sleep(idleTimeoutSeconds * 1000 + 1500)
    printStep(
      `More than ${idleTimeoutSeconds} seconds pass. The session has expired, and nobody was notified.`,
    )

    await page.goto(`${appUrl}/`)
    if (new URL(page.url()).pathname !== '/login')
      throw new Error(`Expected the login page, but the browser shows ${page.url()}.`)
    const message = page.locator('[data-lapse-message]')
    await message.waitFor({ state: 'visible' })
    printStep(`${subject} comes back. The login page says: "${await message.textContent()}"`)

    const rows = (await readRows()).filter(({ id }) => !earlierIds.has(id))
    const [row] = rows
    if (
      rows.length !== 1 ||
      row?.reason !== 'idle_timeout' ||
      row.subject !== subject ||
      row.evidence !== 'signed'
    ) {
      throw new Error(`Expected one idle_timeout row for ${subject}, found ${JSON.stringify(rows)}.`)
    }
    printStep(
      'The audit table says whose session it was, when it was last used, when it expired, and why it ended:',
    )
    print(formatRow(row))
  } finally {
    await browser.close()
  }
}
