import { describe, expect, test } from 'vitest'
import { useBrowser } from './browser.ts'

const it = useBrowser()

const errors = () => it.page.evaluate(() => window.errors)

describe('the page goes on, and the host hears of it, where', () => {
  test('the marker is cut short or hostile: it is removed, and is no lapse', async () => {
    const page = await it.open()
    const id = '0b0e7c3e-66e5-4a8b-9a55-0d6f5c1a2b3c'
    for (const value of [
      'hello',
      `v=1&id=${id}&since=1795391711434&at=17953`,
      `v=1&id=${id}&since=1795391711434`,
      'v=1&id=<script>&since=1795391711434&at=1795391711434',
      `v=2&id=${id}&since=1795391711434&at=1795391711434`,
      '%E0%A4%A',
    ]) {
      await it.context.addCookies([{ name: 'lapse-acme', value, url: it.site.url }])
      expect(await page.evaluate(() => window.lapse.absent()), value).toBeNull()
      expect([await it.cookie(), it.collector.received]).toEqual([undefined, []])
      expect(await page.evaluate(() => window.errors.pop())).toBe('Lapse: marker unreadable')
    }
  })

  test('cookies are refused', async () => {
    await it.page.addInitScript(() => {
      Object.defineProperty(document, 'cookie', { get: () => '', set: () => {} })
    })
    const page = await it.open()
    await page.evaluate(() => window.lapse.active())
    expect(await page.evaluate(() => window.lapse.absent())).toBeNull()
    expect(await errors()).toEqual(['Lapse: marker refused'])
  })

  test('a ticket is too long for a cookie: nothing is written', async () => {
    const page = await it.open()
    await page.evaluate(() => window.lapse.active({ ticket: 'x'.repeat(4000) }))
    expect(await it.context.cookies()).toEqual([])
    expect(await errors()).toEqual(['Lapse: marker refused'])
  })

  test.each([
    [
      'throws',
      () =>
        Object.defineProperty(window, 'localStorage', {
          get: () => {
            throw new Error('denied')
          },
        }),
    ],
    [
      'is full',
      () => {
        Storage.prototype.setItem = () => {
          throw new Error('full')
        }
        Object.defineProperty(window, 'localStorage', {
          value: new Proxy(
            {},
            {
              set: () => {
                throw new Error('full')
              },
            },
          ),
        })
      },
    ],
  ])('localStorage %s: the marker itself waits for the collector', async (_name, refuse) => {
    const id = await it.plant({ sid: 'old' })
    await it.collector.stop()
    await it.page.addInitScript(refuse)
    let page = await it.open()
    expect(await page.evaluate(() => window.lapse.absent())).toEqual({ pending: true })
    expect((await it.marker()).id).toBe(id)
    await page.evaluate(() => window.lapse.active({ session: 'new' }))
    expect((await it.marker()).id).toBe(id)
    expect(await errors()).toContain('Lapse: storage refused')
    await it.collector.start()
    page = await it.open()
    await page.evaluate(() => window.lapse.active({ session: 'new' }))
    expect(it.collector.received).toMatchObject([{ marker: id, detectedBy: 'new_session' }])
    await expect.poll(it.marker).toMatchObject({ sid: 'new' })
  })

  test('there are no Web Locks and no randomUUID, as on plain http', async () => {
    await it.page.addInitScript(() => {
      Object.defineProperty(navigator, 'locks', { value: undefined })
      Object.defineProperty(crypto, 'randomUUID', { value: undefined })
    })
    const page = await it.open()
    await page.evaluate(() => window.lapse.active())
    expect(await page.evaluate(() => window.lapse.absent())).toMatchObject({ id: 1 })
    expect(await errors()).toEqual([])
  })

  test('a content security policy keeps the collector away', async () => {
    await it.plant()
    it.serve('/login', 'data-state="absent"', '', { 'Content-Security-Policy': "connect-src 'self'" })
    await it.page.goto(`${it.site.url}/login`)
    await expect.poll(errors).toEqual(['Lapse: not confirmed: TypeError: Failed to fetch'])
    expect(await it.outbox()).toHaveLength(1)
  })

  test('the host’s own callbacks throw', async () => {
    await it.plant()
    const page = await it.open()
    const escaped = await page.evaluate(async () => {
      const seen: string[] = []
      window.addEventListener('error', ({ message }) => seen.push(message))
      window.addEventListener('unhandledrejection', ({ reason }) => seen.push(`${reason}`))
      await window.lapse.absent({
        session: () => {
          throw new Error('no idea')
        },
      })
      return seen
    })
    expect([escaped, await errors()]).toEqual([[], ['Lapse: Error: no idea']])
  })
})

describe('on one origin', () => {
  test('two sites keep apart', async () => {
    const page = await it.open()
    await page.evaluate((collector) => {
      const other = window.Lapse.createLapse({
        site: 'other',
        collector,
        cookie: { days: 1, path: '/client' },
      })
      window.lapse.active({ subject: 'u_1' })
      other.active({ subject: 'u_2' })
      return other.absent()
    }, it.collector.url)
    expect(it.collector.received).toMatchObject([{ site: 'other', subject: 'u_2' }])
    expect((await it.marker()).sub).toBe('u_1')
  })

  test('the script may be there twice', async () => {
    const id = await it.plant()
    const tag = `<script src="/lapse.js" defer data-site="acme" data-collector="${it.collector.url}" data-state="absent"></script>`
    it.serve('/login', 'data-state="absent"', tag)
    await it.page.goto(`${it.site.url}/login`)
    await expect.poll(() => it.page.evaluate(() => window.verdicts)).toHaveLength(1)
    expect(it.collector.rows()).toEqual([id])
  })
})
