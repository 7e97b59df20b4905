import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import type { LapseOptions } from '../src/index.ts'
import { useEnvironment } from './environment.ts'

const env = useEnvironment()

const minuteMs = 60_000

/** Creates an active client on the open page, and a marker that was last used a minute ago. */
async function startClient(
  options: Partial<LapseOptions> = { idleTimeoutSeconds: 90 },
  fields: Record<string, string> = {},
) {
  await env.page.evaluate(
    ({ collector, ...options }) => {
      window.lapse.stop()
      window.lapse = window.Lapse.createLapse({ site: 'acme', collector, ...options })
      window.lapse.active()
    },
    { collector: env.collector.url, ...options },
  )
  await env.plantMarker(fields, minuteMs)
}

const hasMoved = async () => Date.now() - Number((await env.readMarker()).at) < minuteMs / 2

const expectMove = () => expect.poll(hasMoved).toBe(true)

async function expectNoMove() {
  await sleep(400)
  expect(await hasMoved()).toBe(false)
}

const get = (url: string) => env.page.evaluate((url) => fetch(url).then((r) => r.text(), String), url)

const hidePage = () =>
  env.page.evaluate(() => document.dispatchEvent(new Event('visibilitychange', { bubbles: true })))

const sendXhr = () =>
  env.page.evaluate(() => {
    const request = new XMLHttpRequest()
    request.open('GET', '/api/200')
    request.send()
  })

const loadImage = () =>
  env.page.evaluate(() => {
    new Image().src = '/image.png'
  })

async function expectActivity(act: () => Promise<unknown>, ...setup: Parameters<typeof startClient>) {
  await startClient(...setup)
  await act()
  await expectMove()
}

async function expectNoActivity(act: () => Promise<unknown>, ...setup: Parameters<typeof startClient>) {
  await startClient(...setup)
  await act()
  await expectNoMove()
}

describe('By default,', () => {
  test('a successful fetch, a successful XMLHttpRequest and touch() move the marker', async () => {
    const page = await env.openClient()
    await expectActivity(() => get('/api/200'))
    await expectActivity(sendXhr)
    await expectActivity(() => page.evaluate(() => window.lapse.touch()))
  })

  test('a failed or cross-origin request, an image and a click do not move the marker', async () => {
    const page = await env.openClient()
    await startClient()
    for (const url of ['/api/401', '/api/403', '/api/500', 'http://127.0.0.1:9/']) await get(url)
    await page.evaluate((url) => fetch(url, { method: 'POST', body: '{}' }), env.collector.url)
    await loadImage()
    await page.click('html')
    await expectNoMove()
  })

  test('nothing moves the marker after stop()', async () => {
    await env.openClient()
    await startClient()
    await env.page.evaluate(() => window.lapse.stop())
    await get('/api/200')
    await expectNoMove()
  })

  test('nothing moves a marker whose end was reported, and requests move the marker of the next session', async () => {
    await env.openClient()
    await startClient()
    const id = await env.plantMarker({}, minuteMs)
    await env.page.evaluate(() => {
      // Without storage, the marker stays until the collector has confirmed the report.
      Object.defineProperty(window, 'localStorage', { get: () => undefined })
    })
    env.collector.fail({ status: 503 }, { status: 503 })
    await env.page.evaluate(() => window.lapse.absent())
    await get('/api/200')
    await expectNoMove()
    expect((await env.readMarker()).id).toBe(id)
    await env.plantMarker({}, minuteMs)
    await get('/api/200')
    await expectMove()
  })
})

describe('The option touchOn', () => {
  test('selects which kinds of activity move the marker', async () => {
    const page = await env.openClient()
    await expectNoActivity(() => get('/api/200'), { touchOn: ['load'], idleTimeoutSeconds: 90 })
    const touchOn = ['interaction'] as const
    await expectActivity(() => page.click('html'), { touchOn })
    await expectActivity(() => page.keyboard.press('a'), { touchOn })
    await expectNoActivity(() => page.click('html'), { touchOn, idleTimeoutSeconds: 30 })
  })

  test('selects whether active() moves an existing marker', async () => {
    await env.openClient()
    await env.plantMarker({}, minuteMs)
    await env.page.evaluate((collector) => {
      window.lapse = window.Lapse.createLapse({ site: 'acme', collector, touchOn: ['request'] })
      window.lapse.active()
    }, env.collector.url)
    await expectNoMove()
    await env.page.evaluate((collector) => {
      window.Lapse.createLapse({ site: 'acme', collector }).active()
    }, env.collector.url)
    await expectMove()
  })
})

describe('The option requests', () => {
  test('selects which URLs move the marker', async () => {
    const page = await env.openClient()
    await page.evaluate((collector) => {
      window.lapse.stop()
      window.lapse = window.Lapse.createLapse({
        site: 'acme',
        collector,
        idleTimeoutSeconds: 90,
        requests: /\/api\/2/,
      })
      window.lapse.active()
    }, env.collector.url)
    await env.plantMarker({}, minuteMs)
    await get('/lapse.js?fresh')
    await expectNoMove()
    await get('/api/200')
    await expectMove()
  })
})

describe('A request', () => {
  const createTicketFields = (idle: number) => {
    // The base64url of this subject contains both - and _.
    const payload = Buffer.from(JSON.stringify({ sub: '~~~???', idle })).toString('base64url')
    return { ticket: `e.${payload}.s` }
  }

  test.each([
    { rule: 'moves the marker within the idle timeout', idleTimeoutSeconds: 90, moves: true },
    { rule: 'does not move the marker after the idle timeout', idleTimeoutSeconds: 30, moves: false },
    { rule: 'does not move the marker without a known idle timeout', moves: false },
    {
      rule: 'moves the marker within the idle timeout of the ticket',
      idleTimeoutSeconds: 30,
      ticket: 90,
      moves: true,
    },
    {
      rule: 'does not move the marker after the idle timeout of the ticket',
      idleTimeoutSeconds: 90,
      ticket: 30,
      moves: false,
    },
  ])('$rule', async ({ idleTimeoutSeconds, ticket, moves }) => {
    await env.openClient()
    const expectation = moves ? expectActivity : expectNoActivity
    await expectation(
      () => get('/api/200'),
      idleTimeoutSeconds ? { idleTimeoutSeconds } : {},
      ticket ? createTicketFields(ticket) : {},
    )
  })
})

describe('The marker', () => {
  test('is written at most four times a second, and once more when the page is hidden', async () => {
    await env.openClient()
    await startClient()
    const { writes, elapsedMs } = await env.page.evaluate(async () => {
      const { set, get } = Object.getOwnPropertyDescriptor(Document.prototype, 'cookie') ?? {}
      let writes = 0
      Object.defineProperty(document, 'cookie', {
        get: () => get?.call(document),
        set: (value: string) => {
          if (value.startsWith('lapse-acme=')) writes++
          set?.call(document, value)
        },
      })
      const startedAt = performance.now()
      for (let count = 0; count < 20; count++) {
        window.lapse.touch()
        await new Promise((done) => setTimeout(done, 5))
      }
      return { writes, elapsedMs: performance.now() - startedAt }
    })
    const before = Number((await env.readMarker()).at)
    await hidePage()
    expect(writes).toBeLessThanOrEqual(1 + elapsedMs / 250)
    expect(writes).toBeLessThan(20)
    expect(Number((await env.readMarker()).at)).toBeGreaterThan(before)
  })

  test('is never restored by activity, nor moved by activity from before its session', async () => {
    await env.openClient()
    await startClient()
    await env.page.evaluate(() => {
      window.lapse.touch()
      window.lapse.touch()
    })
    await env.context.clearCookies({ name: 'lapse-acme' })
    await env.page.evaluate(() => window.lapse.touch())
    await hidePage()
    expect(await env.readCookie()).toBeUndefined()
    const start = `${Date.now() + 5000}`
    await env.plantMarker({ since: start, at: start })
    await hidePage()
    expect((await env.readMarker()).at).toBe(start)
  })
})
