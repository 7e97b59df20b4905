import { randomUUID } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { useEnvironment } from './environment.ts'

const env = useEnvironment()

const openClient = (cookie: object) =>
  env.page.evaluate(
    ({ collector, cookie }) => {
      window.lapse = window.Lapse.createLapse({ site: 'acme', collector, cookie })
    },
    { collector: env.collector.url, cookie },
  )

/** Sets a marker cookie as an earlier configuration of the page did. */
async function plantCookie(path: string): Promise<string> {
  const id = randomUUID()
  const at = Date.now() - 60_000
  const value = `v=1&id=${id}&since=${at}&at=${at}`
  await env.context.addCookies([{ name: 'lapse-acme', value, domain: new URL(env.site.url).hostname, path }])
  return id
}

const readMarkerCookies = async () =>
  (await env.context.cookies()).filter(({ name }) => name === 'lapse-acme').map(({ value }) => value)

describe('Two marker cookies with different paths', () => {
  test.each([
    { older: '/client', path: '/' },
    { older: '/client/orders/', path: '/' },
    { older: '/', path: '/client' },
  ])('become the one of the current path: first $older, then $path', async ({ older, path }) => {
    await env.openClient()
    env.site.pages.set('/client/orders/1', { html: '<script src="/lapse.js"></script>' })
    await env.goto('/client/orders/1')
    await plantCookie(older)
    const id = await plantCookie(path)
    expect(await readMarkerCookies()).toHaveLength(2)
    await openClient({ path })
    await env.page.evaluate(() => window.lapse.active())
    expect(await readMarkerCookies()).toEqual([expect.stringContaining(id)])
    await env.page.evaluate(() => window.lapse.absent())
    expect({ rows: env.collector.rows(), cookies: await readMarkerCookies() }).toEqual({
      rows: [id],
      cookies: [],
    })
  })

  test('become the one of the current path, even if it is the last of three', async () => {
    await env.openClient()
    env.site.pages.set('/client/orders/1', { html: '<script src="/lapse.js"></script>' })
    await env.goto('/client/orders/1')
    for (const path of ['/client/orders/', '/client']) await plantCookie(path)
    const id = await plantCookie('/')
    await openClient({ path: '/' })
    await env.page.evaluate(() => window.lapse.active())
    expect(await readMarkerCookies()).toEqual([expect.stringContaining(id)])
  })

  test('do not come back when only the older one is left', async () => {
    await env.openClient()
    const id = await plantCookie('/client')
    await openClient({ path: '/' })
    await env.page.evaluate(() => window.lapse.absent())
    expect({ rows: env.collector.rows(), cookies: await readMarkerCookies() }).toEqual({
      rows: [id],
      cookies: [],
    })
  })
})
