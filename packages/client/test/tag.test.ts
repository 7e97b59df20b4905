import { describe, expect, test } from 'vitest'
import { useBrowser } from './browser.ts'

const it = useBrowser()

const goto = (path: string) => it.page.goto(it.site.url + path)
const verdicts = () => it.page.evaluate(() => window.verdicts)

describe('a tag', () => {
  test('on a page with a session makes the marker, and on one without reports it', async () => {
    it.serve('/app', 'data-state="active" data-subject="u_42" data-session="" data-ticket=""')
    it.serve('/login', 'data-state="absent"')
    await goto('/app')
    const { id, sub, sid, ticket } = await it.marker()
    expect([sub, sid, ticket]).toEqual(['u_42', undefined, undefined])
    await goto('/login')
    await expect.poll(verdicts).toHaveLength(1)
    expect(await verdicts()).toMatchObject([{ id: 1, reason: 'idle_timeout' }])
    expect(it.collector.received).toMatchObject([{ marker: id, subject: 'u_42', detectedBy: 'login_page' }])
  })

  test.each([
    ['cookie:sid', true],
    ['cookie:none', false],
    ['probe:/api/200', true],
    ['probe:/api/401', false],
  ])('with data-state="%s" finds by itself whether there is a session: %s', async (state, present) => {
    await it.context.addCookies([{ name: 'sid', value: '1', url: it.site.url }])
    await it.plant({ sub: 'u_42' })
    it.serve('/app', `data-state="${state}" data-subject="u_42" data-session="a1f"`)
    await goto('/app')
    if (present) await expect.poll(it.marker).toMatchObject({ sid: 'a1f' })
    else await expect.poll(() => it.collector.received).toHaveLength(1)
    expect(it.collector.received).toHaveLength(present ? 0 : 1)
  })

  test.each(['probe:/api/500', 'nonsense', ''])('with data-state="%s" says nothing', async (state) => {
    const id = await it.plant()
    const before = await it.cookie()
    it.serve('/app', `data-state="${state}"`)
    await goto('/app')
    await new Promise((done) => setTimeout(done, 200))
    expect([await it.cookie(), it.collector.received]).toEqual([before, []])
    expect((await it.marker()).id).toBe(id)
  })

  test('has an attribute for every option', async () => {
    it.serve(
      '/app',
      `data-state="active" data-cookie-name="seen" data-cookie-days="2" data-cookie-path="/app"
       data-cookie-same-site="strict" data-cookie-domain="127.0.0.1" data-touch-on="interaction"
       data-idle-timeout-seconds="1800" data-requests="/api/"`,
    )
    await goto('/app')
    const [cookie] = (await it.context.cookies()).filter(({ name }) => name === 'seen')
    expect(cookie).toMatchObject({ path: '/app', sameSite: 'Strict' })
    expect(Math.round((Number(cookie?.expires) - Date.now() / 1000) / 86_400)).toBe(2)
  })

  test('takes its own origin for the collector’s', async () => {
    await it.plant()
    const posted = it.page.waitForRequest((request) => request.method() === 'POST')
    it.site.pages.set('/login', {
      html: '<script src="/lapse.js" defer data-site="acme" data-state="absent"></script>',
    })
    await goto('/login')
    expect((await posted).url()).toBe(`${it.site.url}/v1/lapses`)
  })
})

describe('data-lapse-logout', () => {
  const body = `<a data-lapse-logout href="/">Sign out</a>
    <form data-lapse-logout action="/"><input name="note"><button>Sign out</button></form>`

  test.each([
    ['a link that is clicked', () => it.page.click('a')],
    ['a form that is sent by its button', () => it.page.click('button')],
    [
      'a form that is sent by a script',
      () => it.page.evaluate(() => document.querySelector('form')?.requestSubmit()),
    ],
  ])('on %s removes the marker', async (_name, use) => {
    it.serve('/app', 'data-state="active"', body)
    await goto('/app')
    await it.page.click('input')
    expect(await it.cookie()).toBeDefined()
    await Promise.all([it.page.waitForURL(/\/(\?.*)?$/), use()])
    expect([await it.cookie(), it.collector.received]).toEqual([undefined, []])
  })
})

describe('data-lapse-message', () => {
  const body = '<p data-lapse-message hidden>You were signed out after {limit} without activity.</p>'
  const shown = () => it.page.locator('p').evaluate((p: HTMLElement) => (p.hidden ? '' : p.textContent))

  test('is shown after an idle timeout, with the limit in the page’s language', async () => {
    await it.plant()
    it.serve('/login', 'data-state="absent"', body)
    await goto('/login')
    await expect.poll(shown).toBe('You were signed out after 30 minutes without activity.')
  })

  test('stays hidden for any other reason', async () => {
    await it.plant()
    it.collector.judge('ended_early')
    it.serve('/login', 'data-state="absent"', body)
    await goto('/login')
    await expect.poll(verdicts).toHaveLength(1)
    expect(await shown()).toBe('')
  })
})

describe('a page out of the browser’s cache', () => {
  // Playwright's own goBack() waits for a load, which a restored page does not have again; a page that leaves
  // before evaluate() has its answer makes that fail.
  const goBack = () => it.page.evaluate(() => void setTimeout(() => history.back()))

  test('restored by Back, says nothing of a session that began after it', async () => {
    it.serve('/login', 'data-state="absent"')
    it.serve('/app', 'data-state="active"')
    await goto('/login')
    await it.page.evaluate(() => Object.assign(window, { kept: true }))
    await goto('/app')
    const marker = await it.cookie()
    await goBack()
    await expect.poll(() => it.page.evaluate(() => 'kept' in window)).toBe(true)
    await new Promise((done) => setTimeout(done, 200))
    expect([await it.cookie(), it.collector.received]).toEqual([marker, []])
  })

  test('from the HTTP cache, makes no marker for a dead session, and moves none', async () => {
    it.serve('/app', 'data-state="active"', '', { 'Cache-Control': 'max-age=600' })
    await goto('/app')
    await goto('/')
    await it.context.clearCookies()
    await it.page.evaluate((url) => void setTimeout(() => location.assign(url)), `${it.site.url}/app`)
    await it.page.waitForURL(/app/)
    await it.page.waitForFunction(() => 'Lapse' in window)
    expect(
      await it.page.evaluate(() => performance.getEntriesByType('navigation')[0]?.toJSON().transferSize),
    ).toBe(0)
    expect(await it.cookie()).toBeUndefined()
  })

  test('delivers what waits in the outbox all the same', async () => {
    const id = await it.plant()
    it.serve('/login', 'data-state="absent"')
    await it.collector.stop()
    await goto('/login')
    await expect.poll(it.outbox).toHaveLength(1)
    await goto('/')
    await it.collector.start()
    await new Promise((done) => setTimeout(done, 1000))
    await goBack()
    await expect.poll(it.collector.rows).toContain(id)
  })
})

describe('a prerendered page', () => {
  test('waits until it is looked at', async () => {
    await it.plant()
    it.serve('/login', 'data-state="absent"')
    await it.page.addInitScript(() => {
      Object.defineProperty(document, 'prerendering', { value: true, configurable: true })
    })
    await goto('/login')
    await new Promise((done) => setTimeout(done, 300))
    expect([it.collector.received, await it.outbox()]).toEqual([[], []])
    await it.page.evaluate(() => document.dispatchEvent(new Event('prerenderingchange')))
    await expect.poll(it.collector.rows).toHaveLength(1)
  })

  test.each(['absent', 'active'])('that is %s says nothing of what has happened since', async (state) => {
    await it.page.addInitScript(() => {
      Object.defineProperty(document, 'prerendering', { value: true, configurable: true })
    })
    await it.plant({ sub: 'u_1' })
    it.serve('/page', `data-state="${state}" data-subject="u_1"`)
    await goto('/page')
    await it.plant({ sub: 'u_2' })
    const marker = await it.cookie()
    await it.page.evaluate(() => document.dispatchEvent(new Event('prerenderingchange')))
    await new Promise((done) => setTimeout(done, 200))
    expect([await it.cookie(), it.collector.received]).toEqual([marker, []])
  })
})
