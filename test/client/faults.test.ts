import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Browser, waitUntil } from '../engines/engine.ts'
import { createEngines } from '../engines/engines.ts'
import { type FaultProxy, startFaultProxy } from './faultProxy.ts'
import { type Stage, startStage } from './stage.ts'
import { sentTime, type Visitor, visit, visitWith } from './visitor.ts'

const app = { idleTimeoutSeconds: 3 }
const threeHours = 10_800_000

describe.concurrent.each(createEngines())('a lapse in $name', (engine) => {
  // Each engine has a collector of its own, because they are stopped here.
  let stage: Stage<'app'>
  let proxy: FaultProxy
  beforeAll(async () => {
    stage = await startStage({ app }, async (collectorUrl) => {
      proxy = await startFaultProxy(collectorUrl)
      return proxy.url
    })
  })
  afterAll(async () => {
    await engine.stop()
    await stage.end()
    await proxy.close()
  })

  let user: Visitor
  const begin = async () => {
    proxy.mend()
    user = await visit(engine, stage, stage.hosts.app)
  }
  const errors = () => user.tab.evaluate<{ code: string; status?: number }[]>('lapseErrors')
  const waiting = () =>
    user.tab.evaluate<number>("Object.keys(localStorage).filter((key) => key.startsWith('lapse:')).length")
  const verdict = async () => {
    await waitUntil(() => user.tab.evaluate<boolean>('!!window.verdict'), 'the verdict')
    return user.tab.evaluate<Record<string, unknown>>('window.verdict')
  }
  /** The row may be late, but what it says is from when the lapse happened. */
  async function expectIdleRow(marker: Awaited<ReturnType<Visitor['signIn']>>) {
    const row = await user.onlyRow()
    expect(row).toMatchObject({ reason: 'idle_timeout', marker: marker.id, session: marker.sid })
    expect(Math.abs(sentTime(row, 'last_access_at') - marker.at)).toBeLessThan(1000)
    return row
  }

  describe('found while the network fails', { concurrent: false }, () => {
    beforeEach(begin)
    afterEach(() => user.browser.close())

    test('offline: it waits, and goes out when the browser is online again', async ({ skip }) => {
      skip(engine.limits.offline !== undefined, engine.limits.offline)
      const marker = await user.signIn()
      await user.open('/spa')
      await user.titled('Application')
      await user.idleOut()
      await user.browser.setOffline(true)
      expect(await user.tab.evaluate('lapse.absent()')).toEqual({ pending: true })
      await user.expectNoRow()
      expect(await waiting()).toBe(1)
      await user.browser.setOffline(false)
      expect(await user.onlyRow()).toMatchObject({ reason: 'idle_timeout', marker: marker.id })
      await waitUntil(async () => (await waiting()) === 0, 'an empty outbox')
    })

    test('the collector is down: a page that stays open brings it in when the collector is back', async () => {
      const marker = await user.signIn()
      await user.open('/spa')
      await user.titled('Application')
      await user.idleOut()
      await stage.stopCollector()
      await user.tab.evaluate('poll()')
      await user.titled('Login')
      expect(await verdict()).toEqual({ pending: true })
      expect(await user.marker()).toBeUndefined()
      await stage.startCollector()
      expect(await user.onlyRow()).toMatchObject({ reason: 'idle_timeout', marker: marker.id })
    })

    test('the collector and its script are away: the next login page brings it in', async () => {
      const marker = await user.signIn()
      await user.idleOut()
      await stage.stopCollector()
      await user.open('/')
      await user.open('/login?stay=1')
      await user.expectNoRow()
      await stage.startCollector()
      await user.open('/login')
      await expectIdleRow(marker)
    })

    test('the collector is slow: the page is not, and shows the verdict when it comes', async () => {
      const marker = await user.signIn()
      await user.idleOut()
      proxy.fail({ delayMs: 2500 })
      await user.open('/')
      const shown = Date.now()
      expect(await user.tab.evaluate('!!window.verdict')).toBe(false)
      expect(await verdict()).toMatchObject({ reason: 'idle_timeout', duplicate: false })
      expect(Date.now() - shown).toBeGreaterThan(1000)
      await expectIdleRow(marker)
      expect(proxy.posts).toHaveLength(1)
    })

    test('the collector is slow, and the page is left: one row', async () => {
      const marker = await user.signIn()
      await user.idleOut()
      proxy.fail({ delayMs: 2500 })
      await user.open('/')
      await user.open('/login?stay=1')
      await user.open('/static/data.json')
      await expectIdleRow(marker)
    })

    test('503: it is not sent before the time that the collector asked for', async () => {
      const marker = await user.signIn()
      await user.idleOut()
      proxy.fail({ status: 503, retryAfterSeconds: 4 })
      await user.open('/')
      await waitUntil(async () => proxy.posts.length > 0, 'the first try')
      const [first = 0] = proxy.posts
      proxy.mend()
      await user.open('/login?stay=1')
      await expectIdleRow(marker)
      expect((proxy.posts[0] ?? 0) - first).toBeGreaterThan(4000)
    })

    test('422: the event is dropped, the host is told, and no page tries it again', async () => {
      await user.open(`/sign-in?user=${user.subject}&next=/?data-subject=${'x'.repeat(300)}`)
      await waitUntil(async () => (await user.marker()) !== undefined, 'the marker')
      await user.idleOut()
      await user.open('/')
      await waitUntil(async () => (await errors()).length > 0, 'the error')
      expect(await errors()).toMatchObject([{ code: 'report_refused', status: 422 }])
      expect([await user.marker(), await waiting()]).toEqual([undefined, 0])
      await user.open('/login?stay=1')
      await user.expectNoRow()
      expect(proxy.posts).toHaveLength(1)
    })

    test('before any of twenty sessions is delivered: all of them wait, and each gets its row', async () => {
      const subjects = Array.from({ length: 20 }, (_, index) => `${user.subject}_${index}`)
      proxy.fail('cut before')
      for (const subject of subjects) await user.signIn(subject)
      await user.open('/logout')
      await waitUntil(async () => (await waiting()) === 20, 'twenty events in the outbox')
      expect(await stage.rows(subjects)).toEqual([])
      proxy.mend()
      await waitUntil(async () => (await stage.rows(subjects)).length >= 20, 'twenty rows', 60_000)
      const rows = await stage.rows(subjects)
      expect(rows.map(({ subject }) => subject).sort()).toEqual([...subjects].sort())
      await waitUntil(async () => (await waiting()) === 0, 'an empty outbox')
    })
  })

  describe('whose page is gone', { concurrent: false }, () => {
    beforeEach(begin)
    afterEach(() => user.browser.close())

    test.each([
      { when: 'before the collector has heard of it', fault: 'cut before' },
      { when: 'before the answer has come', fault: 'cut after' },
    ] as const)('with its tab, $when: one row', async ({ fault }) => {
      // The tab that is killed is the one in front: browsers put off what others send.
      const other = user.tab
      user = visitWith(user.browser, await user.browser.newTab(), stage, stage.hosts.app, user)
      const marker = await user.signIn()
      await user.idleOut()
      proxy.fail(fault)
      await user.open('/')
      await waitUntil(async () => proxy.posts.length > 0, 'the first try')
      await user.tab.close()
      proxy.mend()
      await other.goto(`${stage.hosts.app.url}/login`)
      await expectIdleRow(marker)
    })
  })

  describe('found in a browser that is killed and started again', { concurrent: false }, () => {
    let profile: string
    let browser: Browser | undefined
    beforeEach(() => {
      proxy.mend()
      profile = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    })
    afterEach(async () => {
      await browser?.close()
      rmSync(profile, { recursive: true, force: true })
    })

    test('before it could be delivered: one row', async () => {
      user = await visit(engine, stage, stage.hosts.app, profile)
      browser = user.browser
      const marker = await user.signIn()
      await user.idleOut()
      proxy.fail('cut before')
      await user.open('/')
      const key = `lapse:app:${marker.id}`
      await waitUntil(async () => isOnDisk(profile, key), 'the event on the disk', 60_000)
      await browser.kill()
      proxy.mend()
      browser = await engine.launch(profile)
      user = visitWith(browser, await browser.newTab(), stage, stage.hosts.app, user)
      await user.open('/login')
      await expectIdleRow(marker)
    })
  })

  describe('where the browser refuses', { concurrent: false }, () => {
    beforeEach(begin)
    afterEach(() => user.browser.close())

    test('more storage: the marker waits for the collector instead', async () => {
      const marker = await user.signIn()
      await user.tab.evaluate(`(() => {
        for (let size = 2 ** 22; size >= 1; size /= 2) {
          for (let n = 0; n < 16; n++) {
            try { localStorage['full-' + size + '-' + n] = 'x'.repeat(size) } catch { break }
          }
        }
      })()`)
      await user.idleOut()
      proxy.fail('cut before')
      await user.open('/')
      await waitUntil(async () => (await errors()).length > 1, 'the errors')
      expect(await errors()).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ code: 'storage_refused' }),
          expect.objectContaining({ code: 'report_pending' }),
        ]),
      )
      expect(await user.marker()).toMatchObject({ id: marker.id })
      proxy.mend()
      await user.open('/login?stay=1')
      await expectIdleRow(marker)
      expect(await user.marker()).toBeUndefined()
    })

    test('cookies and storage altogether: the page works, and the host hears of it', async () => {
      await user.open(`/sign-in?user=${user.subject}&next=/?csp=sandbox%2520allow-scripts`)
      await waitUntil(async () => (await errors()).length > 0, 'the error')
      expect(await user.tab.evaluate('document.readyState')).toBe('complete')
      await user.expectNoRow()
      await user.idleOut()
      await user.open('/?csp=sandbox%20allow-scripts')
      await waitUntil(async () => (await errors()).length > 0, 'the error')
      await user.expectNoRow()
    })

    test('the collector, by a content security policy: it waits for a page that may', async () => {
      const marker = await user.signIn()
      await user.idleOut()
      await user.open(`/login?csp=${encodeURIComponent("connect-src 'none'")}`)
      await waitUntil(async () => (await waiting()) === 1, 'the outbox')
      await waitUntil(async () => (await errors()).length > 0, 'the error')
      expect(proxy.posts).toEqual([])
      await user.open('/login')
      await expectIdleRow(marker)
    })
  })

  describe('by a clock', { concurrent: false }, () => {
    beforeEach(begin)
    afterEach(() => user.browser.close())

    const signInAt = async (clock: number) => {
      await user.open(`/sign-in?user=${user.subject}&next=/?clock=${clock}`)
      return user.markerOf(user.subject)
    }

    test.each([
      { wrong: 'three hours fast', clock: threeHours },
      { wrong: 'three hours slow', clock: -threeHours },
    ])('$wrong: the verdict is right, and so are the times', async ({ clock }) => {
      const marker = await signInAt(clock)
      await user.idleOut()
      const openedAt = Date.now()
      await user.open(`/?clock=${clock}`)
      const row = await expectIdleRow(marker)
      // What is over, the event took on its way.
      expect(Math.abs(Number(row.clock_skew_ms) + clock)).toBeLessThan(Date.now() - openedAt)
    })

    test('set back in between: one row, marked clock_anomaly', async () => {
      const { id } = await signInAt(threeHours)
      await user.idleOut()
      await user.open('/')
      expect(await user.onlyRow()).toMatchObject({ reason: 'clock_anomaly', marker: id, expired_at: null })
    })
  })
})

/** Whether a browser has written this to any file of its profile. A crash takes what it has not. */
function isOnDisk(folder: string, text: string): boolean {
  const forms = [Buffer.from(text, 'latin1'), Buffer.from(text, 'utf16le')]
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).some((name) => {
    const file = join(folder, name)
    const stat = statSync(file, { throwIfNoEntry: false })
    if (!stat?.isFile()) return false
    const content = readFileSync(file)
    return forms.some((form) => content.includes(form))
  })
}
