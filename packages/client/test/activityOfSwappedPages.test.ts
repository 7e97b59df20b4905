import { describe, expect, test } from 'vitest'
import { claimMs } from '../src/shared/limits.ts'
import { useEnvironment } from './environment.ts'
import { hidePage, intervalMs, secondMs, useLiveSession } from './liveSession.ts'

const env = useEnvironment()
const { expectReports, readReports } = useLiveSession(env)

const reportingTag = (session: string) =>
  `data-state="active" data-session="${session}" data-idle-timeout-seconds="1800" data-heartbeat-seconds="300"`

/** Opens a page whose clock the test moves. */
async function openPage(attributes: string) {
  await env.context.clock.install()
  env.serve('/app', attributes)
  await env.goto('/app')
}

/** Swaps the page for another one, as a navigation without loading does. */
const swapPage = (attributes: string) =>
  env.page.evaluate((attributes) => {
    document.body.innerHTML = `<script src="/lapse.js" data-site="acme" ${attributes}></script>`
  }, attributes)

describe('After a page is swapped,', () => {
  test('the client of the new tag reports activity, and the client of the former tag does not', async () => {
    await openPage(reportingTag('a1'))
    await expectReports(1)
    await swapPage(reportingTag('b2'))
    await expect.poll(env.readMarker).toMatchObject({ sid: 'b2' })
    await env.context.clock.runFor(secondMs)
    await expectReports(2)
    await env.context.clock.runFor(intervalMs)
    await env.page.evaluate(() => window.Lapse.touch?.())
    await hidePage(env.page)
    await expectReports(3)
    expect(readReports().map(({ session }) => session)).toEqual(['a1', 'b2', 'b2'])
  })

  test('nobody reports activity if the new page states that there is no session', async () => {
    await openPage(reportingTag('a1'))
    await expectReports(1)
    await swapPage('data-state="absent" data-heartbeat-seconds="300"')
    await expect.poll(env.collector.rows).toHaveLength(1)
    // Another tab signs in.
    await env.plantMarker({ sid: 'b2' }, 0)
    await env.context.clock.runFor(intervalMs)
    await hidePage(env.page)
    await expectReports(1)
  })

  test('the first report waits until the tabs have agreed which of them sends it', async () => {
    await openPage('data-state="cookie:none"')
    await env.plantMarker({ sid: 'a1' }, secondMs)
    await swapPage(reportingTag('a1'))
    await expectReports(1)
    const [report] = readReports()
    expect(Number(report?.sentAt) - Number(report?.lastAccessAt)).toBeGreaterThan(claimMs / 2)
  })
})

describe('A page from the HTTP cache that states a session', () => {
  test('reports no activity because it is opened', async () => {
    await env.context.clock.install()
    env.serve('/app', reportingTag('a1'), '', { 'Cache-Control': 'max-age=600' })
    await env.goto('/app')
    await env.context.clock.runFor(secondMs)
    await expectReports(1)
    await env.goto('/')
    await env.page.evaluate(() => void setTimeout(() => location.assign('/app')))
    await env.context.clock.runFor(secondMs)
    await env.page.waitForURL(/app/)
    await env.page.waitForFunction(() => 'Lapse' in window)
    await env.context.clock.runFor(secondMs)
    await expectReports(1)
  })
})
