import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCollector, type InProcessCollector } from '../support/collector.ts'
import {
  database,
  issueDashboardToken,
  minuteMs,
  noon,
  setUpBrowser,
  site,
} from '../support/dashboardPage.ts'
import { createLiveRow } from '../support/liveRows.ts'
import { insertRows } from '../support/rows.ts'

const openDashboard = setUpBrowser()
const toStored = (at: number) => new Date(at).toISOString()
const formatTime = (at: number) =>
  new Date(at).toLocaleTimeString('en-GB', { timeZone: 'Europe/Vienna', timeStyle: 'medium' })

const expiredAt = noon - 10 * minuteMs
const returnedAt = expiredAt + 38 * minuteMs
const resumedAt = expiredAt + 50 * minuteMs
const laterAccessAt = noon - 35 * minuteMs
const logoutAt = noon - 20 * minuteMs

/** A timeout that the sweep recorded at noon, 10 minutes after the session expired. */
const swept = { detected_at: noon, detected_by: 'sweep', revision: 1, supersedes: null, ip: null }
const corrected = { session: 'corrected', session_key: 'corrected' }
const rows = [
  { ...swept, id: 1, session: 'returned' },
  { ...swept, id: 2, session: 'absent' },
  { ...swept, id: 3, session: 'resumed' },
  { ...swept, ...corrected, id: 4 },
  {
    ...corrected,
    id: 5,
    revision: 2,
    supersedes: 4,
    detected_at: noon + minuteMs,
    last_access_at: toStored(laterAccessAt + 30 * minuteMs),
    expired_at: toStored(noon),
  },
  {
    ...corrected,
    id: 6,
    revision: 3,
    supersedes: 5,
    detected_at: noon + 2 * minuteMs,
    reason: 'revoked',
    detected_by: 'server',
    evidence: 'server',
    last_access_at: toStored(laterAccessAt + 30 * minuteMs),
    expired_at: null,
  },
  { ...swept, id: 7, session: 'mistaken' },
  {
    id: 8,
    session: 'mistaken',
    revision: 2,
    supersedes: 7,
    detected_at: logoutAt,
    reason: 'logout',
    detected_by: 'logout',
    expired_at: null,
  },
]

let collector: InProcessCollector
let token: string
beforeAll(async () => {
  collector = await createCollector(database, { sites: { acme: site } })
  token = (await issueDashboardToken(collector)).token
  const { sql } = collector.database
  await insertRows(sql, rows)
  await sql('session_return').insert({
    audit_id: 1,
    site: 'acme',
    returned_at: toStored(returnedAt),
    received_at: toStored(returnedAt),
  })
  await sql('session_live').insert(
    createLiveRow(sql, {
      due_ms: 30 * minuteMs,
      session_key: 'resumed',
      session: 'resumed',
      resumed_at: toStored(resumedAt),
      resumes: 3,
    }),
  )
})
afterAll(() => collector.end())

async function openDetails(id: number) {
  const dashboard = await openDashboard(`${collector.url}/?row=${id}`)
  await dashboard.signIn(token)
  await dashboard.dialog.locator('.timeline').waitFor()
  return dashboard
}

describe('The details of a timeout that the sweep recorded', () => {
  test('say when the user came back', async () => {
    const { dialog } = await openDetails(1)
    const text = `Recorded by the sweep: nobody came back until ${formatTime(returnedAt)}, 38 min after expiry.`
    await dialog.getByText(text).waitFor()
    await dialog.getByText('No activity was reported for 30 min, which is the session’s limit.').waitFor()
    expect(await dialog.locator('.idle-time-bar').textContent()).toBe('limit 30 min+ 38 min')
    expect(await dialog.getByRole('row', { name: 'Came back' }).textContent()).toContain(
      formatTime(returnedAt),
    )
  })

  test('say that nobody has come back', async () => {
    const { dialog } = await openDetails(2)
    await dialog.getByText('Recorded by the sweep: nobody has come back.').waitFor()
    expect(await dialog.getByRole('row', { name: 'Came back' }).textContent()).toBe('Came backNot yet')
  })

  test('say since when the session has been in use again', async () => {
    const { dialog } = await openDetails(3)
    await dialog.getByText(/The session has been in use again since .*\. When it ends, a new row/).waitFor()
    const text = `Recorded by the sweep: the session was not used again until ${formatTime(resumedAt)}, 50 min after expiry.`
    await dialog.getByText(text).waitFor()
    expect(await dialog.getByRole('row', { name: 'Came back' }).count()).toBe(0)
  })
})

describe('The details of a corrected session end', () => {
  test('list the earlier revisions, on what evidence they were, and why they no longer count', async () => {
    const dashboard = await openDetails(6)
    await dashboard.dialog.getByText('This row corrects row 5, which has weaker evidence.').waitFor()
    const revisions = dashboard.dialog.locator('.earlier-revisions li')
    await expect
      .poll(() => revisions.allTextContents())
      .toEqual([
        expect.stringMatching(
          /^Idle timeoutrow 5Last access .*Its evidence is weaker than that of row 6 \(server\)\./,
        ),
        expect.stringMatching(
          /^Idle timeoutrow 4Last access .*According to row 5, the session was used until .*\./,
        ),
      ])
    expect(await revisions.last().textContent()).toMatch(
      /Evidence: self-reported\. Detected by: the sweep, because no activity was reported\. Received .*\.$/,
    )
    await dashboard.expectNoAccessibilityViolations()
  })

  test('ask for a review if the earlier row has the same evidence', async () => {
    const { dialog } = await openDetails(8)
    await dialog.getByText('Needs review: this row corrects row 7, which has the same evidence').waitFor()
    await dialog
      .getByText(/According to row 8, the session had ended before its limit \(logout, .*\)\./)
      .waitFor()
  })

  test('link to earlier and later revisions, and close as before', async () => {
    const dashboard = await openDashboard(`${collector.url}/?search=session%3Acorrected`)
    await dashboard.signIn(token)
    await dashboard.rows.first().locator('.detected a').click()
    await dashboard.waitForDialog('Revoked')
    let earlyFocus: string | undefined
    await dashboard.page.route('**/v1/lapses/4', async (route) => {
      await sleep(300)
      earlyFocus = await dashboard.page.evaluate(() => document.activeElement?.id)
      await route.continue()
    })
    await dashboard.dialog.getByRole('link', { name: 'row 4' }).click()
    await dashboard.waitForDialog('Idle timeout')
    await dashboard.expectFocus('session-end-title')
    // The title of the former row, before the new one has arrived, does not get the focus.
    expect(earlyFocus).toBe('')
    await dashboard.expectUrlQuery('?search=session%3Acorrected&row=4')
    await dashboard.dialog.getByText('This row no longer counts: row 5 corrects it.').waitFor()
    await dashboard.dialog.getByRole('link', { name: 'row 5' }).click()
    await dashboard.dialog.getByText('This row no longer counts: row 6 corrects it.').waitFor()
    await dashboard.page.keyboard.press('Escape')
    await dashboard.expectNoDialog()
    await dashboard.expectUrlQuery('?search=session%3Acorrected')
  })
})

describe('The list of session ends', () => {
  test('has one row for each session, and marks those that need a second look', async () => {
    const dashboard = await openDashboard(collector.url)
    await dashboard.signIn(token)
    await dashboard.waitForRows()
    const readRow = async (session: string) => {
      const row = dashboard.rows.filter({ hasText: session })
      return {
        reason: await row.locator('.reason').textContent(),
        times: await row.locator('.number').allInnerTexts(),
      }
    }
    await dashboard.expectRowCount(5)
    expect({
      returned: await readRow('returned'),
      absent: await readRow('absent'),
      resumed: await readRow('resumed'),
      corrected: await readRow('corrected'),
      mistaken: await readRow('mistaken'),
    }).toEqual({
      returned: { reason: 'Idle timeoutsweep', times: ['1 h 8 min\n38 min past limit'] },
      absent: { reason: 'Idle timeoutsweep', times: ['40 min'] },
      resumed: { reason: 'Idle timeoutsweepin use again', times: ['40 min'] },
      corrected: { reason: 'Revokedcorrection', times: ['40 min'] },
      mistaken: { reason: 'Logoutneeds review', times: ['40 min'] },
    })
  })

  test('opens the row of a session that is in use again from the live sessions', async () => {
    const dashboard = await openDashboard(`${collector.url}/?live=1`)
    await dashboard.signIn(token)
    await dashboard.page.locator('.live-sessions').getByRole('link', { name: 'in use again' }).click()
    await dashboard.waitForDialog('Idle timeout')
    await dashboard.expectUrlQuery('?live=1&row=3')
  })
})

test('The tab about the limit says after how many timeouts nobody has come back', async () => {
  const dashboard = await openDashboard(`${collector.url}/?tab=limit`)
  await dashboard.signIn(token)
  const card = dashboard.page.locator('.insights')
  await card.getByText('When users came back').click()
  await card.getByText('Nobody has come back after 2 of 3 timeouts (67%).').waitFor()
  expect(await card.locator('.not-returned').textContent()).toBe('not back yet2')
})
