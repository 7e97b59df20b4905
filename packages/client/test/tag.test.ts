import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { useEnvironment } from './environment.ts'

const env = useEnvironment()

const readVerdicts = () => env.page.evaluate(() => window.verdicts)

describe('The script tag', () => {
  test('creates the marker on a page with a session, and reports the session on a page without one', async () => {
    env.serve('/app', 'data-state="active" data-subject="u_42" data-session="" data-ticket=""')
    env.serve('/login', 'data-state="absent"')
    await env.goto('/app')
    const { id, ...identity } = await env.readMarker()
    expect(identity).toEqual({ v: '1', since: expect.any(String), at: expect.any(String), sub: 'u_42' })
    await env.goto('/login')
    await expect.poll(readVerdicts).toHaveLength(1)
    expect(await readVerdicts()).toMatchObject([{ id: 1, reason: 'idle_timeout' }])
    expect(env.collector.received).toMatchObject([{ marker: id, subject: 'u_42', detectedBy: 'login_page' }])
  })

  test.each(['cookie:sid', 'probe:/api/200'])('finds the session with data-state="%s"', async (state) => {
    await env.context.addCookies([{ name: 'sid', value: '1', url: env.site.url }])
    await env.plantMarker({ sub: 'u_42' })
    env.serve('/app', `data-state="${state}" data-subject="u_42" data-session="a1f"`)
    await env.goto('/app')
    await expect.poll(env.readMarker).toMatchObject({ sid: 'a1f' })
    expect(env.collector.received).toEqual([])
  })

  test.each(['cookie:none', 'probe:/api/401'])('finds no session with data-state="%s"', async (state) => {
    await env.context.addCookies([{ name: 'sid', value: '1', url: env.site.url }])
    await env.plantMarker({ sub: 'u_42' })
    env.serve('/app', `data-state="${state}" data-subject="u_42" data-session="a1f"`)
    await env.goto('/app')
    await expect.poll(() => env.collector.received).toHaveLength(1)
  })

  test.each(['probe:/api/500', 'probe:', 'cookie:', 'cookie', 'nonsense', ''])(
    'does nothing with data-state="%s", because the state is unknown',
    async (state) => {
      const id = await env.plantMarker()
      const before = await env.readCookie()
      env.serve('/app', `data-state="${state}"`)
      await env.goto('/app')
      await sleep(200)
      expect({ cookie: await env.readCookie(), received: env.collector.received }).toEqual({
        cookie: before,
        received: [],
      })
      expect((await env.readMarker()).id).toBe(id)
    },
  )

  test('has an attribute for every option', async () => {
    env.serve(
      '/app',
      `data-state="active" data-cookie-name="seen" data-cookie-days="2" data-cookie-path="/app"
       data-cookie-same-site="strict" data-cookie-domain="127.0.0.1" data-touch-on="interaction"
       data-idle-timeout-seconds="1800" data-requests="/api/"`,
    )
    await env.goto('/app')
    const [cookie] = (await env.context.cookies()).filter(({ name }) => name === 'seen')
    expect(cookie).toMatchObject({ path: '/app', sameSite: 'Strict' })
    expect(Math.round((Number(cookie?.expires) - Date.now() / 1000) / 86_400)).toBe(2)
  })

  test('uses its own origin as the default collector', async () => {
    await env.plantMarker()
    const posted = env.page.waitForRequest((request) => request.method() === 'POST')
    env.site.pages.set('/login', {
      html: '<script src="/lapse.js" defer data-site="acme" data-state="absent"></script>',
    })
    await env.goto('/login')
    expect((await posted).url()).toBe(`${env.site.url}/v1/lapses`)
  })

  test('may be on the page twice', async () => {
    const id = await env.plantMarker()
    const tag = `<script src="/lapse.js" defer data-site="acme" data-collector="${env.collector.url}" data-state="absent"></script>`
    env.serve('/login', 'data-state="absent"', tag)
    await env.goto('/login')
    await expect.poll(readVerdicts).toHaveLength(1)
    expect(env.collector.rows()).toEqual([id])
  })
})

describe('data-lapse-logout', () => {
  const body = `<a data-lapse-logout href="/">Sign out</a>
    <form data-lapse-logout action="/"><input name="note"><button>Sign out</button></form>`

  test.each([
    { element: 'a link that is clicked', use: () => env.page.click('a') },
    { element: 'a form that is submitted by its button', use: () => env.page.click('button') },
    {
      element: 'a form that is submitted by a script',
      use: () => env.page.evaluate(() => document.querySelector('form')?.requestSubmit()),
    },
  ])('removes the marker, and reports the logout, on $element', async ({ use }) => {
    env.serve('/app', 'data-state="active"', body)
    await env.goto('/app')
    await env.page.click('input')
    expect(await env.readCookie()).toBeDefined()
    await Promise.all([env.page.waitForURL(/\/(\?.*)?$/), use()])
    expect(await env.readCookie()).toBeUndefined()
    await expect.poll(() => env.collector.received).toMatchObject([{ detectedBy: 'logout' }])
  })
})

describe('data-lapse-logout="idle_timeout"', () => {
  test('says that the application’s own idle timer ended the session', async () => {
    env.serve('/app', 'data-state="active"', '<button data-lapse-logout="idle_timeout">Time out</button>')
    await env.goto('/app')
    await env.page.click('button')
    await expect
      .poll(() => env.collector.received)
      .toMatchObject([{ detectedBy: 'logout', reason: 'idle_timeout' }])
  })

  test('dispatches the verdict and shows the message on a page that stays open', async () => {
    env.serve(
      '/app',
      'data-state="active"',
      '<button data-lapse-logout="idle_timeout">Time out</button><p data-lapse-message hidden>After {limit}</p>',
    )
    await env.goto('/app')
    await env.page.click('button')
    await expect.poll(readVerdicts).toMatchObject([{ id: 1, reason: 'idle_timeout' }])
    expect(await env.page.locator('p').isVisible()).toBe(true)
    expect(await env.page.locator('p').textContent()).toBe('After 30 minutes')
  })
})

describe('data-lapse-message', () => {
  const body = '<p data-lapse-message hidden>You were signed out after {limit} without activity.</p>'
  const readVisibleText = () =>
    env.page.locator('p').evaluate((p: HTMLElement) => (p.hidden ? '' : p.textContent))

  test('shows the limit in the language of the page after an idle timeout', async () => {
    await env.plantMarker()
    env.serve('/login', 'data-state="absent"', body)
    await env.goto('/login')
    await expect.poll(readVisibleText).toBe('You were signed out after 30 minutes without activity.')
  })

  test('is shown for the reason that it names, with its text', async () => {
    await env.plantMarker()
    env.collector.judge('absolute_timeout')
    env.serve(
      '/login',
      'data-state="absent"',
      '<p data-lapse-message="absolute_timeout" hidden>Signed out.</p>',
    )
    await env.goto('/login')
    await expect.poll(readVisibleText).toBe('Signed out.')
  })

  test('stays hidden for any other reason', async () => {
    await env.plantMarker()
    env.collector.judge('ended_early')
    env.serve('/login', 'data-state="absent"', body)
    await env.goto('/login')
    await expect.poll(readVerdicts).toHaveLength(1)
    expect(await readVisibleText()).toBe('')
  })
})
