import { once } from 'node:events'
import { createServer } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createEngines } from '../engines/engines.ts'
import { findFreePort } from '../servers.ts'
import { type Environment, startEnvironment } from './environment.ts'

let env: Environment<'app'>
beforeAll(async () => {
  env = await startEnvironment({ app: { idleTimeoutSeconds: 3 } })
})
afterAll(() => env.end())

describe.concurrent.each(createEngines())('The tag that the collector generates, in $name,', (engine) => {
  afterAll(() => engine.stop())

  test('runs as copied, and does not run with the hash of another file', { concurrent: false }, async () => {
    const port = await findFreePort()
    const browser = await engine.launch()
    const tab = await browser.newTab()
    await tab.goto(`${env.collectorUrl}/tag?site=app`)
    const tag = await tab.evaluate<string>("document.querySelector('pre').innerText")
    expect(tag).toContain('data-site="app"')
    const forged = tag.replace(/sha384-.{8}/, 'sha384-AAAAAAAA')
    const server = createServer((request, response) => {
      response.setHeader('Content-Type', 'text/html')
      response.end(request.url === '/forged' ? forged : request.url === '/' ? tag : '')
    }).listen(port, '127.0.0.1')
    await once(server, 'listening')
    try {
      await tab.goto(`http://127.0.0.1:${port}/forged`)
      expect(await tab.evaluate('typeof window.Lapse')).toBe('undefined')
      await tab.goto(`http://127.0.0.1:${port}/`)
      expect(await tab.evaluate('typeof window.Lapse')).toBe('object')
      expect(await tab.evaluate('document.cookie')).toContain('sub=USER-ID')
    } finally {
      await browser.close()
      server.close()
      server.closeAllConnections()
    }
  })
})
