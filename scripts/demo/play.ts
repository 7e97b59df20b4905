import { setTimeout as sleep } from 'node:timers/promises'
import { chromium } from 'playwright-core'
import { browserOptions } from '../../test/browser.ts'
import { printRow } from './rows.ts'
import type { Stage } from './stage.ts'

/** Plays one session from its sign-in to its audit row, as a person would, and tells each step with its time. */
export async function play(stage: Stage, say: (text: string) => void): Promise<void> {
  const { appUrl, idleTimeoutSeconds, store } = stage
  const tell = (step: string) => say(`${new Date().toLocaleTimeString('en-GB')}  ${step}`)
  const known = new Set((await store.page({ site: 'demo' }, { limit: 10 })).map(({ id }) => id))

  const browser = await chromium.launch(browserOptions())
  try {
    const page = await browser.newPage()
    await page.goto(`${appUrl}/login`)
    tell('A new visitor opens the login page. No marker, no row.')

    const user = page.locator('button[name=user]').first()
    const subject = await user.getAttribute('value')
    await user.click()
    await page.waitForURL(`${appUrl}/`)
    tell(`${subject} signs in. The script keeps the marker from now on.`)

    await page.goto(`${appUrl}/reports`)
    tell(`${subject} opens a page: the last access.`)

    await sleep(idleTimeoutSeconds * 1000 + 1500)
    tell(`${idleTimeoutSeconds} s of nothing and a little more. The session has expired; nobody was told.`)

    await page.goto(`${appUrl}/`)
    if (new URL(page.url()).pathname !== '/login')
      throw new Error(`The page is ${page.url()}, not the login page.`)
    const message = page.locator('[data-lapse-message]')
    await message.waitFor({ state: 'visible' })
    tell(`${subject} comes back and lands on the login page, which says: ${await message.textContent()}`)

    const rows = (await store.page({ site: 'demo' }, { limit: 10 })).filter(({ id }) => !known.has(id))
    const [row] = rows
    if (
      rows.length !== 1 ||
      row?.reason !== 'idle_timeout' ||
      row.subject !== subject ||
      row.evidence !== 'signed'
    ) {
      throw new Error(`Expected one idle_timeout row of ${subject}, found ${JSON.stringify(rows)}`)
    }
    tell('The audit table says who it was, when they were last there, when the session expired, and why:')
    say(printRow(row))
  } finally {
    await browser.close()
  }
}
