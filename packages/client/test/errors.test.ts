import { describe, expect, test } from 'vitest'
import { useEnvironment } from './environment.ts'

const env = useEnvironment()

const callAbsent = () => env.page.evaluate(() => window.lapse.absent())

describe('A damaged marker', () => {
  const id = '0b0e7c3e-66e5-4a8b-9a55-0d6f5c1a2b3c'

  test.each([
    'hello',
    `v=1&id=${id}&since=1795391711434&at=17953`,
    `v=1&id=${id}&since=1795391711434`,
    'v=1&id=<script>&since=1795391711434&at=1795391711434',
    `v=2&id=${id}&since=1795391711434&at=1795391711434`,
    '%E0%A4%A',
  ])('is removed and passed to onError, and no report is sent: %s', async (value) => {
    await env.openClient()
    await env.context.addCookies([{ name: 'lapse-acme', value, url: env.site.url }])
    expect(await callAbsent()).toBeNull()
    expect({ cookie: await env.readCookie(), received: env.collector.received }).toEqual({
      cookie: undefined,
      received: [],
    })
    expect(await env.readErrors()).toEqual([
      { name: 'LapseClientError', code: 'marker_damaged', cause: value },
    ])
  })
})

describe('A marker that the browser refuses', () => {
  test('is reported when cookies are blocked', async () => {
    await env.page.addInitScript(() => {
      Object.defineProperty(document, 'cookie', { get: () => '', set: () => {} })
    })
    const page = await env.openClient()
    await page.evaluate(() => window.lapse.active())
    expect(await callAbsent()).toBeNull()
    expect(await env.readErrors()).toMatchObject([{ code: 'marker_refused' }])
  })

  test('is reported when the ticket is too long for a cookie, and nothing is written', async () => {
    const page = await env.openClient()
    await page.evaluate(() => window.lapse.active({ ticket: 'x'.repeat(4000) }))
    expect(await env.context.cookies()).toEqual([])
    expect(await env.readErrors()).toMatchObject([{ code: 'marker_refused' }])
  })
})

describe('Without localStorage,', () => {
  const blockStorage = () => {
    Object.defineProperty(window, 'localStorage', {
      get: () => {
        throw new Error('denied')
      },
    })
  }
  const fillStorage = () => {
    const set = () => {
      throw new Error('full')
    }
    Storage.prototype.setItem = set
    Object.defineProperty(window, 'localStorage', { value: new Proxy({}, { set }) })
  }

  test.each([
    { why: 'the browser blocks it', breakStorage: blockStorage, exception: 'Error: denied' },
    { why: 'it is full', breakStorage: fillStorage, exception: 'Error: full' },
  ])('the marker itself waits for the collector: $why', async ({ breakStorage, exception }) => {
    const id = await env.plantMarker({ sid: 'old' })
    await env.collector.stop()
    await env.page.addInitScript(breakStorage)
    let page = await env.openClient()
    expect(await callAbsent()).toEqual({ pending: true })
    expect((await env.readMarker()).id).toBe(id)
    await page.evaluate(() => window.lapse.active({ session: 'new' }))
    expect((await env.readMarker()).id).toBe(id)
    expect(await env.readErrors()).toContainEqual({
      name: 'LapseClientError',
      code: 'storage_refused',
      cause: exception,
    })
    await env.collector.start()
    page = await env.openClient()
    await page.evaluate(() => window.lapse.active({ session: 'new' }))
    expect(env.collector.received).toMatchObject([{ marker: id, detectedBy: 'new_session' }])
    await expect.poll(env.readMarker).toMatchObject({ sid: 'new' })
  })
})

describe('The client', () => {
  test('works without Web Locks and without randomUUID, as on plain http', async () => {
    await env.page.addInitScript(() => {
      Object.defineProperty(navigator, 'locks', { value: undefined })
      Object.defineProperty(crypto, 'randomUUID', { value: undefined })
    })
    const page = await env.openClient()
    await page.evaluate(() => window.lapse.active())
    expect(await callAbsent()).toMatchObject({ id: 1 })
    expect(await env.readErrors()).toEqual([])
  })

  test('keeps the report and calls onError when a content security policy blocks the collector', async () => {
    await env.plantMarker()
    env.serve('/login', 'data-state="absent"', '', { 'Content-Security-Policy': "connect-src 'self'" })
    await env.goto('/login')
    await expect
      .poll(env.readErrors)
      .toEqual([
        { name: 'LapseClientError', code: 'report_pending', cause: { error: 'TypeError: Failed to fetch' } },
      ])
    expect(await env.readOutbox()).toHaveLength(1)
  })

  test('catches an exception of the session check, and passes it to onError', async () => {
    await env.plantMarker()
    const page = await env.openClient()
    const uncaught = await page.evaluate(async () => {
      const uncaught: string[] = []
      window.addEventListener('error', ({ message }) => uncaught.push(message))
      window.addEventListener('unhandledrejection', ({ reason }) => uncaught.push(`${reason}`))
      await window.lapse.absent({
        session: () => {
          throw new Error('no idea')
        },
      })
      return uncaught
    })
    expect(uncaught).toEqual([])
    expect(await env.readErrors()).toEqual([
      { name: 'LapseClientError', code: 'unexpected', cause: 'Error: no idea' },
    ])
  })
})
