import { describe, expect, test } from 'vitest'
import type { Identity } from '../src/index.ts'
import { useEnvironment } from './environment.ts'

const env = useEnvironment()

const minuteMs = 60_000

/** Opens a page whose client knows an idle timeout of 30 seconds. */
async function openClient() {
  const page = await env.openClient()
  await page.evaluate((collector) => {
    window.lapse = window.Lapse.createLapse({ site: 'acme', collector, idleTimeoutSeconds: 30 })
  }, env.collector.url)
}

const callActive = (identity: Identity) =>
  env.page.evaluate((identity) => window.lapse.active(identity), identity)

const readIdleMs = async () => Date.now() - Number((await env.readMarker()).at)

describe('active() with the alias of the marker', () => {
  test('moves the marker on a page that was loaded after the last activity', async () => {
    await env.plantMarker({ sid: 'a1f' }, minuteMs)
    await openClient()
    await callActive({ session: 'a1f' })
    expect(await readIdleMs()).toBeLessThan(minuteMs / 2)
  })

  test('does not move the marker after the idle timeout on a page that was loaded before', async () => {
    await openClient()
    await callActive({ session: 'a1f' })
    const id = await env.plantMarker({ sid: 'a1f' }, -1000)
    await env.page.clock.install()
    await env.page.clock.fastForward(minuteMs)
    const before = await env.readMarker()
    await callActive({ session: 'a1f' })
    expect(await env.readMarker()).toEqual(before)
    expect({ id: before.id, received: env.collector.received }).toEqual({ id, received: [] })
  })

  test('takes the server’s word for the last access, and never moves the marker back', async () => {
    await env.plantMarker({ sid: 'a1f' }, minuteMs)
    await openClient()
    const lastAccessAt = Date.now() - 40_000
    await callActive({ session: 'a1f', lastAccessAt })
    expect((await env.readMarker()).at).toBe(`${lastAccessAt}`)
    await callActive({ session: 'a1f', lastAccessAt: lastAccessAt - 10_000 })
    expect((await env.readMarker()).at).toBe(`${lastAccessAt}`)
    await callActive({ session: 'a1f', lastAccessAt: Date.now() + minuteMs })
    expect(Math.abs(await readIdleMs())).toBeLessThan(5000)
  })

  test('drops the fraction of the server’s time', async () => {
    await env.plantMarker({ sid: 'a1f' }, minuteMs)
    await openClient()
    const lastAccessAt = Date.now() - 40_000
    await callActive({ session: 'a1f', lastAccessAt: lastAccessAt + 0.4 })
    expect((await env.readMarker()).at).toBe(`${lastAccessAt}`)
  })

  test.each([
    { what: 'a text', lastAccessAt: '2026-01-01T00:00:00Z' },
    { what: 'in seconds', lastAccessAt: 1_767_225_600 },
    { what: 'missing', lastAccessAt: null },
  ])('keeps a valid marker if the server’s time is $what', async ({ lastAccessAt }) => {
    const id = await env.plantMarker({ sid: 'a1f' }, 1000)
    await openClient()
    // A mistake that only TypeScript would prevent.
    await callActive({ session: 'a1f', lastAccessAt: lastAccessAt as number })
    const marker = await env.readMarker()
    expect(marker).toMatchObject({ id, at: expect.stringMatching(/^\d{13}$/) })
  })
})

describe('A page that repeats an alias', () => {
  test('is ignored after logout()', async () => {
    await openClient()
    await env.page.evaluate(() => {
      window.lapse.active({ session: 'a1f' })
      window.lapse.logout()
      window.lapse.active({ session: 'a1f' })
    })
    expect(await env.readCookie()).toBeUndefined()
    await callActive({ session: 'b2e' })
    expect(await env.readMarker()).toMatchObject({ sid: 'b2e' })
  })

  test('does nothing if the marker belongs to another session now', async () => {
    await openClient()
    await callActive({ session: 'a1f' })
    const id = await env.plantMarker({ sid: 'b2e' }, 1000)
    await callActive({ session: 'a1f' })
    expect(await env.readMarker()).toMatchObject({ id, sid: 'b2e' })
    expect(env.collector.received).toEqual([])
  })
})

describe('Ids', () => {
  test('may be integers, and a number is the same id as its digits', async () => {
    await openClient()
    await callActive({ subject: 0, session: 42 })
    const marker = await env.readMarker()
    expect(marker).toMatchObject({ sub: '0', sid: '42' })
    await callActive({ subject: '0', session: '42' })
    expect((await env.readMarker()).id).toBe(marker.id)
    expect(env.collector.received).toEqual([])
  })
})

describe('A marker time ahead of the clock', () => {
  test('is lowered to the clock by the next activity', async () => {
    await openClient()
    const ahead = `${Date.now() + minuteMs}`
    await env.plantMarker({ since: ahead, at: ahead })
    await env.page.evaluate(() => window.lapse.touch())
    const { since, at } = await env.readMarker()
    expect(Number(at)).toBeLessThanOrEqual(Date.now())
    expect(since).toBe(at)
  })
})
