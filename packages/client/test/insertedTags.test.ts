import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, test } from 'vitest'
import { useEnvironment } from './environment.ts'

const env = useEnvironment()

const readVerdicts = () => env.page.evaluate(() => window.verdicts)

/** Inserts a tag as text, so that the browser does not run its script. */
const insertTag = (attributes: string) =>
  env.page.evaluate((attributes) => {
    document.body.innerHTML = `<script src="/lapse.js" data-site="acme" ${attributes}></script>`
  }, attributes)

beforeEach(async () => {
  env.serve('/app', 'data-state="active" data-session="a1f"')
  await env.goto('/app')
  await env.plantMarker({ sid: 'a1f' })
})

describe('A tag that is inserted into the page', () => {
  test('is handled once, with the collector of the first tag', async () => {
    await insertTag('data-state="absent"')
    await expect.poll(readVerdicts).toHaveLength(1)
    const id = await env.plantMarker({ sid: 'b2e' }, 1000)
    await env.page.evaluate(() => {
      document.body.append(document.createElement('p'))
    })
    await sleep(200)
    expect(await env.readMarker()).toMatchObject({ id })
    expect(env.collector.received).toMatchObject([{ session: 'a1f', detectedBy: 'login_page' }])
  })

  test('is handled again when its attributes are replaced, as a morphing library does', async () => {
    await insertTag('data-state="active" data-session="a1f"')
    await expect.poll(() => env.page.locator('script[data-lapse-done]').count()).toBe(2)
    await env.page.evaluate(() => {
      const tag = document.querySelector<HTMLElement>('body script')
      tag?.setAttribute('data-state', 'absent')
      tag?.removeAttribute('data-lapse-done')
    })
    await expect.poll(readVerdicts).toHaveLength(1)
  })

  test('is ignored in a snapshot of an earlier page', async () => {
    await insertTag('data-state="absent" data-lapse-done=""')
    await sleep(200)
    expect({ received: env.collector.received, verdicts: await readVerdicts() }).toEqual({
      received: [],
      verdicts: [],
    })
  })

  test('starts to watch the session that it names', async () => {
    await insertTag('data-state="active" data-session="b2e" data-idle-timeout-seconds="90"')
    await expect.poll(env.readMarker).toMatchObject({ sid: 'b2e' })
    expect(env.collector.received).toMatchObject([{ session: 'a1f', detectedBy: 'new_session' }])
    await env.plantMarker({ sid: 'b2e' }, 60_000)
    const { at } = await env.readMarker()
    await env.page.evaluate(() => fetch('/api/200').then((response) => response.text()))
    await expect.poll(async () => (await env.readMarker()).at).not.toBe(at)
  })

  test('cannot choose where reports go, which function gets errors, or where the cookie is set', async () => {
    const requests: string[] = []
    env.page.on('request', (request) => requests.push(request.url()))
    await env.page.evaluate(() =>
      Object.assign(window, { steal: () => Object.assign(window, { stolen: 1 }) }),
    )
    env.collector.fail({ status: 422 })
    await insertTag(
      'data-state="absent" data-collector="http://127.0.0.1:9" data-on-error="steal" data-cookie-name="mine"',
    )
    await expect.poll(() => env.collector.received).toHaveLength(1)
    await expect.poll(env.readErrors).toMatchObject([{ code: 'report_refused' }])
    expect(await env.page.evaluate(() => 'stolen' in window)).toBe(false)
    expect(requests.filter((url) => url.includes(':9/'))).toEqual([])
  })
})

describe('A probing tag', () => {
  test('starts no session if the next tag has replaced it during the check', async () => {
    let answer = () => {}
    const answered = new Promise<void>((resolve) => {
      answer = resolve
    })
    await env.page.route('**/api/200', async (route) => {
      await answered
      await route.continue()
    })
    const probed = env.page.waitForRequest('**/api/200')
    await insertTag('data-state="probe:/api/200" data-session="c3d"')
    await probed
    await insertTag('data-state="absent"')
    await expect.poll(env.collector.rows).toHaveLength(1)
    answer()
    await sleep(400)
    expect(await env.readCookie()).toBeUndefined()
  })
})

describe('A response that htmx does not swap', () => {
  test('has no effect, even if it has a tag', async () => {
    await env.page.evaluate(() => {
      const serverResponse =
        '<html><head><script src="/lapse.js" data-site="acme" data-state="absent"></script></head></html>'
      const detail = { serverResponse, shouldSwap: false }
      document.body.dispatchEvent(new CustomEvent('htmx:beforeSwap', { bubbles: true, detail }))
    })
    await sleep(300)
    expect(env.collector.received).toEqual([])
    expect(await env.readMarker()).toMatchObject({ sid: 'a1f' })
  })
})

describe('A tag that a stranger has inserted', () => {
  const forged =
    '<script src="http://127.0.0.1:9/x.js" data-site="acme" data-state="absent" data-on-error="recordError"></script>'
  const insertForged = () =>
    env.page.evaluate((html) => {
      document.body.innerHTML = html
    }, forged)

  const recordRequests = () => {
    const urls: string[] = []
    env.page.on('request', (request) => {
      if (request.method() === 'POST') urls.push(request.url())
    })
    return urls
  }

  test.each([
    { script: 'has no data attributes', attributes: '' },
    { script: 'has a site, but no state', attributes: 'data-site="acme"' },
  ])('gets no report if the script of the page $script', async ({ attributes }) => {
    env.site.pages.set('/bare', { html: `<script src="/lapse.js" ${attributes}></script><body></body>` })
    await env.goto('/bare')
    const urls = recordRequests()
    await insertForged()
    await expect.poll(() => urls).toContain(`${env.site.url}/v1/lapses`)
    expect(urls.filter((url) => url.includes(':9/'))).toEqual([])
  })

  test('gets no report with the help of an image that is named currentScript', async () => {
    env.site.pages.set('/clobbered', {
      html: `<body><img name="currentScript" src="http://127.0.0.1:9/x.png" data-site="acme">${forged}<script src="/lapse.js" data-site="acme" data-state="absent" data-collector="${env.collector.url}"></script></body>`,
    })
    const urls = recordRequests()
    await env.goto('/clobbered')
    await expect.poll(() => urls).toContain(`${env.collector.url}/v1/lapses`)
    expect(urls.filter((url) => url.includes(':9/'))).toEqual([])
  })

  test('cannot set another cookie than the marker of the site that it names', async () => {
    await env.context.clearCookies()
    await env.page.evaluate(() => {
      document.body.innerHTML =
        '<script src="/lapse.js" data-site="acme=v=1&amp;id=forged; path=/; x" data-state="active"></script>'
    })
    await sleep(300)
    const names = (await env.context.cookies()).map(({ name }) => name)
    expect(names).not.toContain('lapse-acme')
  })
})

describe('The script', () => {
  test('handles a tag that is in the page when it is evaluated as text', async () => {
    await env.goto('/')
    await insertTag(`data-collector="${env.collector.url}" data-state="absent"`)
    await env.page.evaluate(async () => {
      const element = document.createElement('script')
      element.text = await (await fetch('/lapse.js')).text()
      document.head.append(element)
    })
    await expect.poll(readVerdicts).toHaveLength(1)
  })

  test('does nothing when it runs again, and keeps the global', async () => {
    await env.page.evaluate(async () => {
      Object.assign(window, { first: window.Lapse })
      const element = document.createElement('script')
      element.src = '/lapse.js?again'
      await new Promise((done) => {
        element.onload = done
        document.head.append(element)
      })
    })
    expect(await env.page.evaluate(() => Reflect.get(window, 'first') === window.Lapse)).toBe(true)
    await insertTag('data-state="absent"')
    await expect.poll(readVerdicts).toHaveLength(1)
    expect(env.collector.received).toHaveLength(1)
  })

  test('gives the global the methods of the tag’s client', async () => {
    const outcome = await env.page.evaluate(() => window.Lapse.logout?.({ reason: 'idle_timeout' }))
    expect(outcome).toMatchObject({ id: 1 })
    expect(env.collector.received).toMatchObject([{ detectedBy: 'logout', reason: 'idle_timeout' }])
  })
})
