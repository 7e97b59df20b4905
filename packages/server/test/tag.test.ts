import { createLapseServer, type LapseServerError } from '@lapse/server'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createBrowserOptions } from '../../../test/browser.ts'

const options = {
  site: 'acme',
  collector: 'https://lapse.acme.com',
  token: 'unused',
  idleTimeoutSeconds: 1800,
}
const session = { subject: 'u_42', session: 'a1f', startedAt: new Date() }

describe('The tag', () => {
  const lapse = createLapseServer({ ...options, ticketSecret: 'a secret of the tests, 32 bytes long' })

  test('of a page with a session states whose it is, with a ticket', () => {
    const ticket = lapse.ticket(session)
    expect(lapse.tag(session)).toBe(
      '<script src="https://lapse.acme.com/lapse.js" defer data-site="acme" data-state="active"' +
        ` data-idle-timeout-seconds="1800" data-subject="u_42" data-session="a1f" data-ticket="${ticket}"></script>`,
    )
  })

  test('of a page without a session says so, and nothing else', () => {
    const tag =
      '<script src="https://lapse.acme.com/lapse.js" defer data-site="acme" data-state="absent"></script>'
    expect(lapse.tag(null)).toBe(tag)
  })

  test('has no ticket if there is no key', () => {
    expect(createLapseServer(options).tag(session)).not.toContain('ticket')
  })

  test('names the collector if that has a path, because the script knows only its origin', () => {
    const collector = 'https://acme.com/lapse/'
    const tag = createLapseServer({ ...options, collector }).tag(null)
    expect(tag).toContain('src="https://acme.com/lapse/lapse.js"')
    expect(tag).toContain('data-collector="https://acme.com/lapse"')
  })

  test('has a nonce and more attributes', () => {
    const tag = lapse.tag(null, { nonce: 'r4nd0m', attributes: { 'data-requests': '/api/' } })
    expect(tag).toContain(' nonce="r4nd0m"')
    expect(tag).toContain(' data-requests="/api/"')
  })

  test.each([
    { fault: 'no alias', render: () => lapse.tag({ ...session, session: '' }) },
    { fault: 'an event handler', render: () => lapse.tag(null, { attributes: { onload: 'alert(1)' } }) },
    { fault: 'another script', render: () => lapse.tag(null, { attributes: { src: '//evil.example' } }) },
  ])('is empty for $fault, and the error is reported instead of thrown', ({ render }) => {
    const errors: LapseServerError[] = []
    const listener = (error: LapseServerError) => void errors.push(error)
    lapse.on('error', listener)
    expect(render()).toBe('')
    lapse.off('error', listener)
    expect(errors).toMatchObject([{ code: 'invalid_report' }])
  })
})

describe('In a browser,', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await chromium.launch(createBrowserOptions())
  })
  afterAll(() => browser.close())

  test.each([
    '"><script>window.attacked = true</script>',
    "' onerror='window.attacked = true",
    '</script><img src=x onerror="window.attacked = true">',
    '&quot;&#34;&lt;',
    '{{attacked}}<%= attacked %>',
  ])('a hostile id is only an id: %s', async (id) => {
    const page = await browser.newPage()
    const tag = createLapseServer(options).tag({ ...session, subject: id, session: id }, { nonce: id })
    await page.setContent(`<!doctype html><body>${tag}</body>`)
    const data = await page.evaluate(() => ({ ...document.querySelector('script')?.dataset }))
    expect(data).toMatchObject({ subject: id, session: id })
    expect(await page.evaluate('[window.attacked, document.body.children.length]')).toEqual([undefined, 1])
    await page.close()
  })
})
