import { describe, expect, test } from 'vitest'
import { useBrowser } from './browser.ts'

const it = useBrowser()

describe('a session', () => {
  test('that starts makes a marker with what is known of it, and a cookie that the closing browser forgets', async () => {
    const page = await it.open()
    await page.evaluate(() => window.lapse.active({ subject: 'u 42&x=ü', session: 'a1f', ticket: 'e.y.J' }))
    const marker = await it.marker()
    expect(marker).toMatchObject({ v: '1', sub: 'u 42&x=ü', sid: 'a1f', ticket: 'e.y.J' })
    expect(marker.id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
    expect(Math.abs(Date.now() - Number(marker.at))).toBeLessThan(5000)
    const cookies = await it.context.cookies()
    const days = (name: string) => {
      const expires = cookies.find((cookie) => cookie.name === name)?.expires ?? 0
      return expires < 0 ? 'session' : Math.round((expires - Date.now() / 1000) / 86_400)
    }
    expect([days('lapse-acme'), days('lapse-acme-open')]).toEqual([30, 'session'])
    expect(cookies.map(({ sameSite, path, secure }) => [sameSite, path, secure])).toEqual([
      ['Lax', '/', false],
      ['Lax', '/', false],
    ])
  })

  test('that goes on keeps its id and start, and moves its last access', async () => {
    const id = await it.plant({ sid: 'a1f' }, 60_000)
    const { since } = await it.marker()
    const page = await it.open()
    await page.evaluate(() => window.lapse.active({ session: 'a1f', subject: 'u_42' }))
    expect(await it.marker()).toMatchObject({ id, since, sid: 'a1f', sub: 'u_42' })
    expect(Number((await it.marker()).at)).toBeGreaterThan(Number(since) + 50_000)
    expect(it.collector.received).toEqual([])
  })

  test('that lapsed is reported with all that is known, in a simple request, and its marker goes', async () => {
    const id = await it.plant({ sid: 'a1f', sub: 'u_42', ticket: 'e.y.J' })
    const { since, at } = await it.marker()
    const page = await it.open()
    const verdict = await page.evaluate(() => window.lapse.absent())
    expect(verdict).toEqual({
      id: 1,
      reason: 'idle_timeout',
      elapsedMs: expect.any(Number),
      idleTimeoutSeconds: 1800,
      duplicate: false,
    })
    expect(it.collector.received).toEqual([
      {
        site: 'acme',
        marker: id,
        startedAt: Number(since),
        lastAccessAt: Number(at),
        detectedAt: expect.any(Number),
        sentAt: expect.any(Number),
        session: 'a1f',
        subject: 'u_42',
        ticket: 'e.y.J',
        detectedBy: 'login_page',
        browserRestarted: false,
        client: expect.stringMatching(/^\d+\.\d+\.\d+/),
      },
    ])
    expect(it.collector.contentTypes).toEqual(['text/plain;charset=UTF-8'])
    expect([await it.cookie(), await it.outbox()]).toEqual([undefined, []])
  })

  test('that never was is nothing: no event, no cookie', async () => {
    const page = await it.open()
    expect(await page.evaluate(() => window.lapse.absent())).toBeNull()
    expect([it.collector.received, await it.context.cookies()]).toEqual([[], []])
  })

  test('that gave way to another unseen is reported before the new one gets its marker', async () => {
    const id = await it.plant({ sid: 'old', sub: 'u_1' })
    const page = await it.open()
    await page.evaluate(() => window.lapse.active({ session: 'new', subject: 'u_1' }))
    await expect.poll(it.collector.rows).toContain(id)
    expect(it.collector.received).toMatchObject([{ marker: id, session: 'old', detectedBy: 'new_session' }])
    const marker = await it.marker()
    expect(marker.sid).toBe('new')
    expect(marker.id).not.toBe(id)
  })

  test('is told apart by its subject where an alias is missing, and is the same where nothing is known', async () => {
    const id = await it.plant({ sub: 'u_1' })
    const page = await it.open()
    await page.evaluate(() => window.lapse.active())
    expect((await it.marker()).id).toBe(id)
    await page.evaluate(() => window.lapse.active({ subject: 'u_2', session: 'a1f' }))
    await expect.poll(it.collector.rows).toContain(id)
    expect((await it.marker()).sub).toBe('u_2')
  })

  test('that is signed out leaves nothing to see, and with `report` one event', async () => {
    const page = await it.open()
    await page.evaluate(() => {
      window.lapse.active({ subject: 'u_42' })
      window.lapse.logout()
    })
    expect(await it.cookie()).toBeUndefined()
    expect(await page.evaluate(() => window.lapse.absent())).toBeNull()
    await page.evaluate(() => {
      window.lapse.active({ subject: 'u_42' })
      window.lapse.logout({ report: true })
    })
    expect(await it.cookie()).toBeUndefined()
    await expect.poll(() => it.collector.received).not.toEqual([])
    expect(it.collector.received).toMatchObject([{ subject: 'u_42', detectedBy: 'logout' }])
  })

  test('that ended with the browser says so', async () => {
    await it.plant()
    await it.context.clearCookies({ name: 'lapse-acme-open' })
    const page = await it.open()
    await page.evaluate(() => window.lapse.absent())
    expect(it.collector.received).toMatchObject([{ browserRestarted: true }])
  })

  test('that five tabs miss at once is one row, and each tab with the marker gets its verdict', async () => {
    const id = await it.plant()
    const pages = await Promise.all(
      Array.from({ length: 5 }, async () => it.open(await it.context.newPage())),
    )
    const verdicts = await Promise.all(pages.map((page) => page.evaluate(() => window.lapse.absent())))
    expect(it.collector.rows()).toEqual([id])
    expect(verdicts.filter((verdict) => verdict && 'reason' in verdict).length).toBeGreaterThan(0)
    expect([await it.cookie(), await it.outbox().catch(() => [])]).toEqual([undefined, []])
  })
})

describe('looking for a session', () => {
  test('reports a lapse only where there is surely none', async () => {
    await it.context.addCookies([{ name: 'sid', value: '1', url: it.site.url }])
    const page = await it.open()
    for (const [look, absent] of [
      ['{ probe: "/api/200" }', false],
      ['{ probe: "/api/401" }', true],
      ['{ probe: "/api/403" }', true],
      ['{ probe: "/api/500" }', false],
      ['{ probe: "/api/redirect" }', false],
      ['{ probe: "http://127.0.0.1:9/" }', false],
      ['{ cookie: "sid" }', false],
      ['{ cookie: "other" }', true],
      ['async () => true', false],
      ['() => false', true],
      ['() => undefined', false],
      ['() => { throw new Error("no") }', false],
    ] as const) {
      const id = await it.plant()
      const result = await page.evaluate(`lapse.absent({ session: ${look} })`)
      expect(it.collector.rows().includes(id), look).toBe(absent)
      expect([result === null, (await it.cookie()) !== undefined], look).toEqual([!absent, !absent])
    }
  })

  test('another tab that signs in while a probe is on its way is believed', async () => {
    await it.plant()
    const page = await it.open()
    const result = await page.evaluate(() =>
      window.lapse.absent({
        session: async () => {
          window.lapse.touch()
          return false
        },
      }),
    )
    expect([result, it.collector.received]).toEqual([null, []])
  })
})
