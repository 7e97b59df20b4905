import { createHash } from 'node:crypto'
import { runInNewContext } from 'node:vm'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createCollector, type InProcessCollector, origin } from '../support/collector.ts'

const createSite = (idleTimeoutSeconds: number) => ({ origins: [origin], idleTimeoutSeconds })

describe('The client script of a site', () => {
  let collector: InProcessCollector
  beforeAll(async () => {
    const sites = {
      acme: createSite(600),
      same: createSite(600),
      other: createSite(1800),
      '-_': createSite(7),
      lazy: { ...createSite(1800), refreshSeconds: 300 },
    }
    collector = await createCollector({ name: 'SQLite' }, { sites })
  })
  afterAll(() => collector.end())

  const get = async (path: string, options: RequestInit = {}) => {
    const response = await fetch(`${collector.url}${path}`, options)
    return { response, text: await response.text() }
  }
  const hash = (text: string) => `sha384-${createHash('sha384').update(text).digest('base64')}`

  /** Runs a script with an element as its current script, and returns the element's data attributes. */
  function run(script: string, dataset: Record<string, string> = {}): Record<string, unknown> {
    runInNewContext(script.slice(0, script.indexOf('\n')), { document: { currentScript: { dataset } } })
    return dataset
  }

  test('is the plain script after one line that sets the idle timeout', async () => {
    const plain = (await get('/lapse.js')).text
    for (const [site, idleTimeoutSeconds] of Object.entries({
      acme: 600,
      same: 600,
      other: 1800,
      '-_': 7,
      lazy: 1800,
    })) {
      const { response, text } = await get(`/lapse.js?site=${site}`)
      expect(response.status).toBe(200)
      expect(response.headers.get('content-type')).toMatch('text/javascript')
      expect(response.headers.get('access-control-allow-origin')).toBe('*')
      expect(response.headers.get('cross-origin-resource-policy')).toBe('cross-origin')
      expect(text.slice(text.indexOf('\n') + 1)).toBe(plain)
      expect(run(text)).toEqual({ idleTimeoutSeconds })
    }
  })

  test("leaves the tag's own limit alone, unless it is empty", async () => {
    const { text } = await get('/lapse.js?site=acme')
    expect(run(text, { idleTimeoutSeconds: '60' })).toEqual({ idleTimeoutSeconds: '60' })
    expect(run(text, { idleTimeoutSeconds: '' })).toEqual({ idleTimeoutSeconds: 600 })
  })

  test('does not fail where no tag runs it', async () => {
    const [statement = ''] = (await get('/lapse.js?site=acme')).text.split('\n')
    for (const document of [undefined, {}, { currentScript: null }, { currentScript: {} }])
      expect(() => runInNewContext(`'use strict';${statement}`, { document })).not.toThrow()
    expect(() => runInNewContext(statement, Object.create(null))).not.toThrow()
  })

  test('may be cached for an hour and is revalidated by its own ETag', async () => {
    const { response, text } = await get('/lapse.js?site=acme')
    const etag = response.headers.get('etag') ?? ''
    expect(etag).toBe(`"${hash(text)}"`)
    expect(response.headers.get('cache-control')).toBe('public, max-age=3600, stale-while-revalidate=86400')
    const revalidate = (path: string) => get(path, { headers: { 'If-None-Match': etag } })
    const again = await revalidate('/lapse.js?site=acme')
    expect(again.response.status).toBe(304)
    expect(again.response.headers.get('cache-control')).toMatch('max-age=3600')
    expect((await revalidate('/lapse.js?site=same')).response.status).toBe(304)
    for (const path of ['/lapse.js', '/lapse.js?site=other'])
      expect((await revalidate(path)).response.status, path).toBe(200)
  })

  test('is never immutable, because the limit can change', async () => {
    const { version } = (await import('@lapse/client/package.json', { with: { type: 'json' } })).default
    const current = await get(`/lapse.js?site=acme&v=${version}`)
    expect(current.response.headers.get('cache-control')).toMatch(/^public, max-age=3600,/)
    const older = await get('/lapse.js?site=acme&v=0.0.0')
    expect(older.response.headers.get('cache-control')).toBe('no-cache')
  })

  test('does not change the hash of the plain script, which tags with integrity load', async () => {
    const page = (await get('/tag?site=acme')).text
    const [, path = '', integrity] =
      /src=&#34;\S+?(\/lapse\.js\?v=\S+?)&#34;\s+integrity=&#34;(\S+?)&#34;/.exec(page) ?? []
    expect(hash((await get(path)).text)).toBe(integrity)
    expect(hash((await get('/lapse.js')).text)).toBe(integrity)
    expect(page).toContain('data-idle-timeout-seconds=&#34;600&#34;')
  })

  test('answers HEAD like GET, without the script', async () => {
    const head = await get('/lapse.js?site=acme', { method: 'HEAD' })
    const { response, text } = await get('/lapse.js?site=acme')
    expect(head.text).toBe('')
    for (const name of ['content-type', 'content-length', 'etag', 'cache-control'])
      expect(head.response.headers.get(name), name).toBe(response.headers.get(name))
    expect(response.headers.get('content-length')).toBe(String(Buffer.byteLength(text)))
  })

  test('hides its source map', async () => {
    expect((await get('/lapse.js?site=acme')).text).not.toMatch('sourceMappingURL')
    expect((await get('/lapse.js.map?site=acme')).response.status).toBe(404)
  })

  test.each([
    'site=unknown',
    'site=',
    'site=__proto__',
    'site=constructor',
    'site=acme&site=acme',
    'site=acme%20',
    `site=${encodeURIComponent('"}catch{}alert(1);//')}`,
    `site=${'x'.repeat(5000)}`,
  ])('is a 404 that says what to do for an unknown site: %s', async (query) => {
    const { response, text } = await get(`/lapse.js?${query}`)
    expect(response.status).toBe(404)
    expect(response.headers.get('content-type')).toMatch('application/problem+json')
    expect(response.headers.get('cache-control')).toBe('no-cache')
    expect(response.headers.get('etag')).toBeNull()
    expect(JSON.parse(text)).toEqual({
      type: 'urn:lapse:problem:unknown-site',
      title: 'The site is unknown',
      status: 404,
      detail: 'Unknown site. Add it to "sites" in the configuration.',
    })
  })

  test("of the dashboard contains the dashboard's idle timeout and nothing else", async () => {
    const plain = (await get('/lapse.js')).text
    const { text } = await get('/lapse.js?site=lapse')
    expect(run(text)).toEqual({ idleTimeoutSeconds: 900 })
    expect(text.slice(text.indexOf('\n') + 1)).toBe(plain)
  })
})
