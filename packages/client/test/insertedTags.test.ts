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
