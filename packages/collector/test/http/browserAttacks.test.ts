import { createServer } from 'node:http'
import { type Browser, chromium, type Page } from 'playwright-core'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { createBrowserOptions } from '../../../../test/browser.ts'
import { listen } from '../../../../test/listen.ts'
import { createCollector, createReport, type InProcessCollector, issueToken } from '../support/collector.ts'
import { postSignIn, readSetCookie } from '../support/dashboardCookie.ts'
import { database, noon, setUpBrowser, site } from '../support/dashboardPage.ts'
import { insertRows } from '../support/rows.ts'

describe('A page on another host of the same domain', () => {
  let browser: Browser
  /** Another port of the same host: browsers send it the dashboard's cookie, even with `SameSite=Strict`. */
  let elsewhere: string
  beforeAll(async () => {
    browser = await chromium.launch(createBrowserOptions())
    const server = createServer((_, response) => {
      response.setHeader('Content-Type', 'text/html').end('<!doctype html><title>Another application</title>')
    })
    const { url, close } = await listen(server)
    elsewhere = url
    return async () => {
      await browser.close()
      await close()
    }
  })

  async function createCollectorWithRow(origins = site.origins): Promise<InProcessCollector> {
    const collector = await createCollector(database, { sites: { acme: { ...site, origins } } })
    onTestFinished(collector.end)
    await insertRows(collector.database.sql, [{ session: 'alias-1', detected_at: noon }])
    return collector
  }

  /** Opens a page on the other host, in a browser that is signed in to the dashboard. */
  async function openOtherHost(url: string, cookie: string): Promise<Page> {
    const page = await browser.newPage()
    onTestFinished(() => page.close())
    const [name = '', value = ''] = cookie.split('=')
    await page.context().addCookies([{ name, value, url, sameSite: 'Strict', httpOnly: true }])
    await page.goto(elsewhere)
    return page
  }

  test.each([
    ['that may not report', () => site.origins],
    ['that may report', () => [elsewhere]],
  ])('reads nothing, and signs nobody in or out: a page %s', async (_, originsOf) => {
    const { url, store, logLines } = await createCollectorWithRow(originsOf())
    const { id, token } = await issueToken(store)
    const cookie = readSetCookie(await postSignIn(url, token))
    const page = await openOtherHost(url, cookie)
    const outcomes = await page.evaluate(
      async ({ url, token }) => {
        const request = (path: string, options: RequestInit) =>
          fetch(url + path, options).then(
            async (response) => `${response.type} ${await response.text()}`,
            () => 'refused',
          )
        const load = (element: HTMLScriptElement | HTMLImageElement, path: string) =>
          new Promise<string>((resolve) => {
            element.onload = () => resolve('loaded')
            element.onerror = () => resolve('refused')
            element.src = url + path
            document.body.append(element)
          })
        const body = JSON.stringify({ token })
        return {
          withCookie: await request('/v1/lapses', { credentials: 'include' }),
          withoutCors: await request('/v1/lapses', { credentials: 'include', mode: 'no-cors' }),
          withToken: await request('/v1/lapses', { headers: { Authorization: `Bearer ${token}` } }),
          asScript: await load(document.createElement('script'), '/v1/lapses'),
          asImage: await load(new Image(), '/v1/lapses?format=csv'),
          signIn: await request('/dashboard/session', { method: 'POST', credentials: 'include', body }),
          signOut: await request('/dashboard/session', { method: 'DELETE', credentials: 'include' }),
        }
      },
      { url, token },
    )
    // The collector received the cookie and sent rows. The browser keeps them from the page.
    const answered = logLines.map((line) => JSON.parse(line)).filter(({ path }) => path === '/v1/lapses')
    expect(answered).toContainEqual(expect.objectContaining({ status: 200, token: id }))
    const names = ['withCookie', 'withoutCors', 'withToken', 'asScript', 'asImage', 'signOut']
    const readStatus = async (signedIn: string) =>
      (await fetch(`${url}/v1/lapses`, { headers: { Cookie: signedIn } })).status
    expect(outcomes).toMatchObject(Object.fromEntries(names.map((name) => [name, 'refused'])))
    expect(outcomes.signIn).toMatch(/^refused$|forbidden/)
    const cookies = await page.context().cookies(url)
    expect(cookies.map(({ name, value }) => `${name}=${value}`)).toEqual([cookie])
    expect(await readStatus(cookie)).toBe(200)
  })

  test('cannot show the dashboard in a frame', async () => {
    const { url, store } = await createCollectorWithRow()
    const page = await openOtherHost(
      url,
      readSetCookie(await postSignIn(url, (await issueToken(store)).token)),
    )
    await page.evaluate(async (src) => {
      const frame = document.createElement('iframe')
      await new Promise((resolve) => {
        frame.onload = resolve
        frame.src = src
        document.body.append(frame)
      })
    }, url)
    const [, frame] = page.frames()
    expect(frame?.url()).toMatch('chrome-error:')
  })
})

describe('Reported text', () => {
  const openDashboard = setUpBrowser()

  test('is shown as text on the dashboard, never as markup or a script', async () => {
    const collector = await createCollector(database, { sites: { acme: site } })
    onTestFinished(collector.end)
    const hostile = `<img src=x onerror="document.title='run'"><script>document.title='run'</script>`
    const report = createReport({ session: hostile, subject: hostile, client: '<b>1.0.0</b>' })
    const headers = { Origin: site.origins[0] ?? '', 'User-Agent': hostile }
    expect((await collector.post(report, headers)).status).toBe(201)
    const { token } = await issueToken(collector.store, { name: hostile })
    const dashboard = await openDashboard(collector.url)
    const { page } = dashboard
    await dashboard.signIn(token)
    await dashboard.rows.click()
    await page.getByText('<b>1.0.0</b>').waitFor()
    expect(await page.getByText(hostile).count()).toBeGreaterThan(2)
    expect(await page.title()).not.toBe('run')
    expect(await page.locator('img, main script').count()).toBe(0)
  })
})
