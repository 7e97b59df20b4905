import { describe, expect, test } from 'vitest'
import { useEnvironment } from './environment.ts'

const env = useEnvironment()

const secondsPerDay = 86_400

const callAbsent = () => env.page.evaluate(() => window.lapse.absent())

describe('active()', () => {
  test('creates a marker with the identity, and a session cookie next to it', async () => {
    const page = await env.openClient()
    await page.evaluate(() => window.lapse.active({ subject: 'u 42&x=ü', session: 'a1f', ticket: 'e.y.J' }))
    const marker = await env.readMarker()
    expect(marker).toMatchObject({ v: '1', sub: 'u 42&x=ü', sid: 'a1f', ticket: 'e.y.J' })
    expect(marker.id).toMatch(/^[\da-f]{8}-[\da-f]{4}-4[\da-f]{3}-[89ab][\da-f]{3}-[\da-f]{12}$/)
    expect(Math.abs(Date.now() - Number(marker.at))).toBeLessThan(5000)
    const now = Date.now() / 1000
    const cookies = (await env.context.cookies()).map(({ name, expires, sameSite, path, secure }) => ({
      name,
      days: expires < 0 ? null : Math.round((expires - now) / secondsPerDay),
      sameSite,
      path,
      secure,
    }))
    expect(cookies).toEqual([
      { name: 'lapse-acme', days: 30, sameSite: 'Lax', path: '/', secure: false },
      { name: 'lapse-acme-open', days: null, sameSite: 'Lax', path: '/', secure: false },
    ])
  })

  test('keeps the id and the start of an existing session, and moves its last access', async () => {
    const id = await env.plantMarker({ sid: 'a1f' }, 60_000)
    const { since } = await env.readMarker()
    const page = await env.openClient()
    await page.evaluate(() => window.lapse.active({ session: 'a1f', subject: 'u_42' }))
    expect(await env.readMarker()).toMatchObject({ id, since, sid: 'a1f', sub: 'u_42' })
    expect(Number((await env.readMarker()).at)).toBeGreaterThan(Number(since) + 50_000)
    expect(env.collector.received).toEqual([])
  })

  test('reports a session with another alias before it creates the new marker', async () => {
    const id = await env.plantMarker({ sid: 'old', sub: 'u_1' })
    const page = await env.openClient()
    await page.evaluate(() => window.lapse.active({ session: 'new', subject: 'u_1' }))
    await expect.poll(env.collector.rows).toContain(id)
    expect(env.collector.received).toMatchObject([{ marker: id, session: 'old', detectedBy: 'new_session' }])
    const marker = await env.readMarker()
    expect(marker.sid).toBe('new')
    expect(marker.id).not.toBe(id)
  })

  test('compares the subjects if an alias is unknown, and keeps the session if nothing is known', async () => {
    const id = await env.plantMarker({ sub: 'u_1' })
    const page = await env.openClient()
    await page.evaluate(() => window.lapse.active())
    expect((await env.readMarker()).id).toBe(id)
    await page.evaluate(() => window.lapse.active({ subject: 'u_2', session: 'a1f' }))
    await expect.poll(env.collector.rows).toContain(id)
    expect((await env.readMarker()).sub).toBe('u_2')
  })
})

describe('absent()', () => {
  test('reports the session in a simple request, removes the marker and resolves to the verdict', async () => {
    const id = await env.plantMarker({ sid: 'a1f', sub: 'u_42', ticket: 'e.y.J' })
    const { since, at } = await env.readMarker()
    await env.openClient()
    expect(await callAbsent()).toEqual({
      id: 1,
      reason: 'idle_timeout',
      elapsedMs: expect.any(Number),
      idleTimeoutSeconds: 1800,
      duplicate: false,
    })
    expect(env.collector.received).toEqual([
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
    expect(env.collector.contentTypes).toEqual(['text/plain;charset=UTF-8'])
    expect({ cookie: await env.readCookie(), outbox: await env.readOutbox() }).toEqual({
      cookie: undefined,
      outbox: [],
    })
  })

  test('resolves to null without a marker, sends nothing and sets no cookie', async () => {
    await env.openClient()
    expect(await callAbsent()).toBeNull()
    expect({ received: env.collector.received, cookies: await env.context.cookies() }).toEqual({
      received: [],
      cookies: [],
    })
  })

  test('reports whether the browser was closed in between', async () => {
    await env.plantMarker()
    await env.context.clearCookies({ name: 'lapse-acme-open' })
    await env.openClient()
    await callAbsent()
    expect(env.collector.received).toMatchObject([{ browserRestarted: true }])
  })

  test('creates one row when five tabs call it at the same time', async () => {
    const id = await env.plantMarker()
    const pages = await Promise.all(
      Array.from({ length: 5 }, async () => env.openClient(await env.context.newPage())),
    )
    const verdicts = await Promise.all(pages.map((page) => page.evaluate(() => window.lapse.absent())))
    expect(env.collector.rows()).toEqual([id])
    expect(verdicts.filter((verdict) => verdict && 'reason' in verdict).length).toBeGreaterThan(0)
    expect({ cookie: await env.readCookie(), outbox: await env.readOutbox().catch(() => []) }).toEqual({
      cookie: undefined,
      outbox: [],
    })
  })
})

describe('logout()', () => {
  test.each([
    { call: 'logout()', options: undefined, fields: {} },
    { call: 'logout({ report: true })', options: { report: true }, fields: { report: true } },
    {
      call: "logout({ reason: 'idle_timeout' })",
      options: { reason: 'idle_timeout' } as const,
      fields: { reason: 'idle_timeout' },
    },
  ])('removes the marker, and tells the collector what $call says', async ({ options, fields }) => {
    const page = await env.openClient()
    const outcome = await page.evaluate((options) => {
      window.lapse.active({ subject: 'u_42' })
      return window.lapse.logout(options)
    }, options)
    expect(outcome).toMatchObject({ id: 1 })
    expect(await env.readCookie()).toBeUndefined()
    expect(await callAbsent()).toBeNull()
    const [received] = env.collector.received
    expect({ reason: received?.reason, report: received?.report }).toEqual(fields)
    expect(received).toMatchObject({ subject: 'u_42', detectedBy: 'logout' })
  })

  test('is delivered later if the collector is down, and removes the marker even without storage', async () => {
    const page = await env.openClient()
    await env.collector.stop()
    await page.evaluate(() => {
      window.lapse.active({ session: 'a1f' })
      return window.lapse.logout()
    })
    expect({ cookie: await env.readCookie(), outbox: await env.readOutbox() }).toEqual({
      cookie: undefined,
      outbox: [expect.any(String)],
    })
    await env.collector.start()
    await expect.poll(() => env.collector.received, { timeout: 15_000 }).toMatchObject([{ session: 'a1f' }])
    await page.evaluate(() => {
      Object.defineProperty(window, 'localStorage', { get: () => undefined })
      window.lapse.active({ session: 'b2e' })
      return window.lapse.logout()
    })
    expect(await env.readCookie()).toBeUndefined()
  })
})

describe('Two clients', () => {
  test('of different sites on one origin do not share their markers', async () => {
    const page = await env.openClient()
    await page.evaluate((collector) => {
      const other = window.Lapse.createLapse({
        site: 'other',
        collector,
        cookie: { days: 1, path: '/client' },
      })
      window.lapse.active({ subject: 'u_1' })
      other.active({ subject: 'u_2' })
      return other.absent()
    }, env.collector.url)
    expect(env.collector.received).toMatchObject([{ site: 'other', subject: 'u_2' }])
    expect((await env.readMarker()).sub).toBe('u_1')
  })
})

describe('An event handler that is the method itself', () => {
  test('passes its event to logout(), which ignores it', async () => {
    const page = await env.openClient()
    const id = await env.plantMarker({}, 1000)
    const outcome = await page.evaluate(() => {
      // As the event of a framework, which refers to itself.
      const event: Record<string, unknown> = { type: 'click' }
      event.nativeEvent = event
      return window.lapse.logout(event)
    })
    expect(outcome).toMatchObject({ id: 1 })
    expect(env.collector.received).toMatchObject([{ marker: id, detectedBy: 'logout' }])
    expect(Object.keys(env.collector.received[0] ?? {})).not.toContain('type')
    expect(await env.readErrors()).toEqual([])
  })
})
