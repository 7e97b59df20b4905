import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseConfig } from '../../src/index.ts'
import {
  createCollector,
  createConfig,
  createReport,
  environment,
  type InProcessCollector,
} from '../support/collector.ts'

const parseOrigins = (origins: readonly string[]) =>
  parseConfig(
    createConfig('sqlite:unused', { sites: { acme: { origins: [...origins], idleTimeoutSeconds: 1800 } } }),
    environment,
  )

const appOrigins = [
  'capacitor://localhost',
  'ionic://localhost',
  'tauri://localhost',
  'app://x',
  'app://.',
  'chrome-extension://gighmmpiobklfepjocnamgkkbiglidom',
  'moz-extension://0b9c1f5e-7f1c-4a53-9c9e-3d8f0a1b2c3d',
  'safari-web-extension://0B9C1F5E-7F1C-4A53-9C9E-3D8F0A1B2C3D',
]

describe('The origins of a site', () => {
  test.each([
    ...appOrigins,
    'https://app.acme.com',
    'http://localhost:3000',
    'http://[::1]:3000',
    'https://xn--bcher-kva.example',
    'https://*.acme.com',
    'https://*.acme.com:8443',
    'https://*.eu.acme.com',
  ])('may include %s', (origin) => {
    expect(parseOrigins([origin]).sites.acme?.origins).toEqual([origin])
  })

  test.each([
    ['https://acme.*.com', 'must be the whole first label'],
    ['https://a*.acme.com', 'must be the whole first label'],
    ['https://*a.acme.com', 'must be the whole first label'],
    ['https://*.*.acme.com', 'must be the whole first label'],
    ['https://acme.com:*', 'must be the whole first label'],
    ['https://*', 'must be the whole first label'],
    ['https://*.com', 'too few labels'],
    ['https://*.com.', 'too few labels'],
    ['https://*.localhost:3000', 'too few labels'],
    ['https://*.0.0.1', 'is not an origin'],
    ['*', 'would allow every page to report'],
    ['*://app.acme.com', 'use https://app.acme.com'],
    ['chrome-extension://*', 'only http and https'],
    ['null', 'sandboxed frames'],
    ['file://', 'cannot be the origin of a page'],
    ['https://app.acme.com:443', 'https://app.acme.com '],
    ['http://app.acme.com:80', 'http://app.acme.com '],
    ['https://APP.acme.com', 'https://app.acme.com '],
    ['HTTPS://app.acme.com', 'https://app.acme.com '],
    ['https://app.acme.com/', 'https://app.acme.com '],
    ['https://app.acme.com/login?next=#top', 'https://app.acme.com '],
    ['https://user:password@app.acme.com', 'https://app.acme.com '],
    ['https://*.acme.com:443/', 'https://\\*.acme.com '],
    ['https://bücher.example', 'https://xn--bcher-kva.example '],
    ['http://[0:0:0:0:0:0:0:1]:3000', 'http://\\[::1\\]:3000 '],
    ['http://127.1', 'http://127.0.0.1 '],
    ['app.acme.com', 'use https://app.acme.com'],
    ['localhost:3000', 'use http://localhost:3000'],
    ['//app.acme.com', 'use https://app.acme.com'],
    ['', 'must start with a scheme'],
    ['Capacitor://localhost', 'capacitor://localhost '],
    ['capacitor://localhost/', 'capacitor://localhost '],
    ['capacitor://', 'is not an origin'],
  ])('cannot include %j, and the message says what to write', (origin, words) => {
    expect(() => parseOrigins([origin])).toThrow(new RegExp(`sites\\.acme\\.origins\\.0: .*${words}`))
    expect(() => parseOrigins([origin])).not.toThrow('password')
  })
})

describe('A page', () => {
  let collector: InProcessCollector
  beforeAll(async () => {
    const origins = [...appOrigins, 'https://*.acme.com']
    collector = await createCollector(
      { name: 'SQLite' },
      { sites: { acme: { origins, idleTimeoutSeconds: 1800 } } },
    )
  })
  afterAll(() => collector.end())

  test.each(appOrigins)('of an app can report and read the response: %s', async (origin) => {
    const response = await collector.post(createReport(), { Origin: origin })
    expect(response.status).toBe(201)
    expect(response.headers.get('access-control-allow-origin')).toBe(origin)
    const preflight = await fetch(`${collector.url}/v1/lapses`, {
      method: 'OPTIONS',
      headers: { Origin: origin, 'Access-Control-Request-Method': 'POST' },
    })
    expect(preflight.headers.get('access-control-allow-origin')).toBe(origin)
    expect(await collector.database.readRows()).toContainEqual(expect.objectContaining({ origin }))
  })

  test('without an origin gets 403 with the reasons for Origin: null', async () => {
    for (const site of ['acme', 'lapse']) {
      const headers = { Origin: 'null', 'Sec-Fetch-Site': 'same-origin' }
      const response = await collector.post(createReport({ site }), headers)
      expect(response.status).toBe(403)
      expect(response.headers.get('access-control-allow-origin')).toBeNull()
      const { detail } = await response.json()
      expect(detail).toMatch(/sandboxed frames, from file: and data: pages, and after redirects/)
      expect(detail).not.toMatch('Add null')
    }
  })

  test.each([
    'https://*.acme.com',
    'https://app.acme.com/',
    'https://APP.acme.com',
    'capacitor://localhost:1',
    'app.acme.com',
    '\u009b31mhttps://app.acme.com',
  ])('with an invalid origin gets 403 without its control characters: %j', async (origin) => {
    for (const site of ['acme', 'lapse']) {
      const response = await collector.post(createReport({ site }), {
        Origin: origin,
        'Sec-Fetch-Site': 'cross-site',
      })
      expect(response.status).toBe(403)
      expect(await response.text()).not.toMatch(/\p{Cc}/u)
    }
  })
})
