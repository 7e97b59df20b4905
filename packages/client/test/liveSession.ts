import { setTimeout as sleep } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import type { Environment } from './environment.ts'

export const heartbeatSeconds = 300
export const options = { idleTimeoutSeconds: 1800, heartbeatSeconds }
export const secondMs = 1000
export const minuteMs = 60_000
/** The interval between two reports, with the longest jitter. */
export const intervalMs = heartbeatSeconds * secondMs * 1.1 + secondMs

/** Pages whose clock the test moves, and which report activity. */
export function useLiveSession(env: Environment) {
  const readReports = () => env.collector.activities

  /** Opens a page that states that there is a session. */
  async function openSession(identity: object = { session: 'a1', subject: 'u_1' }, page: Page = env.page) {
    // All pages of a context share its clock.
    if (page === env.page) await env.context.clock.install()
    await env.openClient(page, options)
    await page.evaluate((identity) => window.lapse.active(identity), identity)
    return page
  }

  /** Waits for this number of reports, and long enough for another one to arrive. */
  async function expectReports(count: number) {
    await expect.poll(readReports).toHaveLength(count)
    await sleep(300)
    expect(readReports()).toHaveLength(count)
  }

  /** Opens a page of a session, and waits until the collector has confirmed its start. */
  async function openReportedSession(identity?: object) {
    const page = await openSession(identity)
    await expectReports(1)
    return page
  }

  /** Lets some time pass, and then uses the page. */
  async function useLater(page: Page, delayMs = minuteMs) {
    await env.context.clock.runFor(delayMs)
    await page.evaluate(() => window.lapse.touch())
  }

  return { readReports, openSession, expectReports, openReportedSession, useLater }
}

/** Lets the page believe that the user has turned to another tab, and then that the user is back. */
export const hidePage = (page: Page) =>
  page.evaluate(() => {
    for (const hidden of [true, false]) {
      Object.defineProperty(document, 'hidden', { value: hidden, configurable: true })
      document.dispatchEvent(new Event('visibilitychange', { bubbles: true }))
    }
  })
