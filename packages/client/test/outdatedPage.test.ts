import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { useEnvironment } from './environment.ts'

const env = useEnvironment()

const minuteMs = 60_000

// Playwright's goBack() waits for a load event, which a restored page never fires. The timeout lets evaluate() return
// before the page leaves. Otherwise, it would fail.
const goBack = () => env.page.evaluate(() => void setTimeout(() => history.back()))

const readCookieAndReports = async () => ({
  cookie: await env.readCookie(),
  received: env.collector.received,
})

describe('A page from the browser’s cache', () => {
  test('reports nothing when it is restored after a new session has started', async () => {
    env.serve('/login', 'data-state="absent"')
    env.serve('/app', 'data-state="active"')
    await env.goto('/login')
    await env.page.evaluate(() => Object.assign(window, { kept: true }))
    await env.goto('/app')
    const marker = await env.readCookie()
    await goBack()
    await expect.poll(() => env.page.evaluate(() => 'kept' in window)).toBe(true)
    await sleep(200)
    expect(await readCookieAndReports()).toEqual({ cookie: marker, received: [] })
  })

  test('creates no marker when it comes from the HTTP cache', async () => {
    env.serve('/app', 'data-state="active"', '', { 'Cache-Control': 'max-age=600' })
    await env.goto('/app')
    await env.goto('/')
    await env.context.clearCookies()
    await env.page.evaluate((url) => void setTimeout(() => location.assign(url)), `${env.site.url}/app`)
    await env.page.waitForURL(/app/)
    await env.page.waitForFunction(() => 'Lapse' in window)
    const transferSize = await env.page.evaluate(
      () => performance.getEntriesByType('navigation')[0]?.toJSON().transferSize,
    )
    expect(transferSize).toBe(0)
    expect(await env.readCookie()).toBeUndefined()
  })

  /** Opens a page again, so that it comes from the HTTP cache. */
  async function openFromHttpCache(attributes: string) {
    env.serve('/page', attributes, '', { 'Cache-Control': 'max-age=600' })
    await env.goto('/page')
    await env.goto('/')
    const id = await env.plantMarker({}, minuteMs)
    await env.page.evaluate((url) => void setTimeout(() => location.assign(url)), `${env.site.url}/page`)
    await env.page.waitForURL(/page/)
    await env.page.waitForFunction(() => 'Lapse' in window)
    const { at } = await env.readMarker()
    await env.plantMarker({ id }, minuteMs)
    await env.page.evaluate(() => fetch('/api/200').then((response) => response.text()))
    await sleep(400)
    return { id, at: Number(at) }
  }

  test('counts requests as activity if it comes from the HTTP cache and states a session', async () => {
    const { id } = await openFromHttpCache('data-state="active" data-idle-timeout-seconds="90"')
    const marker = await env.readMarker()
    expect(marker.id).toBe(id)
    expect(Date.now() - Number(marker.at)).toBeLessThan(minuteMs / 2)
  })

  test('counts no request as activity if it comes from the HTTP cache and states no session', async () => {
    const { id } = await openFromHttpCache('data-state="absent" data-idle-timeout-seconds="90"')
    const marker = await env.readMarker()
    expect(marker.id).toBe(id)
    expect(Date.now() - Number(marker.at)).toBeGreaterThan(minuteMs / 2)
  })

  test('sends the reports in the outbox', async () => {
    const id = await env.plantMarker()
    env.serve('/login', 'data-state="absent"')
    await env.collector.stop()
    await env.goto('/login')
    await expect.poll(env.readOutbox).toHaveLength(1)
    await env.goto('/')
    await env.collector.start()
    await sleep(1000)
    await goBack()
    await expect.poll(env.collector.rows).toContain(id)
  })
})

describe('A prerendered page', () => {
  const startPrerendering = () =>
    env.page.addInitScript(() => {
      Object.defineProperty(document, 'prerendering', { value: true, configurable: true })
    })
  const activate = () => env.page.evaluate(() => document.dispatchEvent(new Event('prerenderingchange')))

  test('reports the session only when the user opens the page', async () => {
    await env.plantMarker()
    env.serve('/login', 'data-state="absent"')
    await startPrerendering()
    await env.goto('/login')
    await sleep(300)
    expect({ received: env.collector.received, outbox: await env.readOutbox() }).toEqual({
      received: [],
      outbox: [],
    })
    await activate()
    await expect.poll(env.collector.rows).toHaveLength(1)
  })

  test.each(['absent', 'active'])(
    'with data-state="%s" does nothing if the marker has changed since it was loaded',
    async (state) => {
      await startPrerendering()
      await env.plantMarker({ sub: 'u_1' })
      env.serve('/page', `data-state="${state}" data-subject="u_1"`)
      await env.goto('/page')
      await env.plantMarker({ sub: 'u_2' })
      const marker = await env.readCookie()
      await activate()
      await sleep(200)
      expect(await readCookieAndReports()).toEqual({ cookie: marker, received: [] })
    },
  )
})
