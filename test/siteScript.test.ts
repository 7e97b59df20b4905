import { once } from 'node:events'
import { createServer } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startCollector, type TestCollector } from './collector.ts'
import { createEngines } from './engines/engines.ts'
import { findFreePort } from './servers.ts'

let collector: TestCollector
beforeAll(async () => {
  const site = { origins: ['http://127.0.0.1:9'], idleTimeoutSeconds: 600 }
  collector = await startCollector({ name: 'SQLite' }, { sites: { acme: site } })
})
afterAll(() => collector.end())

describe.concurrent.each(createEngines())('The client script of a site, in $name,', (engine) => {
  afterAll(() => engine.stop())

  test('gives its tag the idle timeout of the site', { concurrent: false }, async () => {
    const createTag = (id: string, attributes: string) =>
      `<script id="${id}" src="${collector.url}/lapse.js?site=acme" data-site="acme" ${attributes}></script>`
    const pages: Readonly<Record<string, string>> = {
      '/': [
        createTag('plain', ''),
        createTag('deferred', 'defer data-state="active" data-subject="u_42"'),
        createTag('own', 'defer data-idle-timeout-seconds="60"'),
        createTag('module', 'type="module" crossorigin'),
      ].join(''),
    }
    const port = await findFreePort()
    const server = createServer((request, response) => {
      response.setHeader('Content-Type', 'text/html')
      const page = pages[request.url ?? '']
      response.end(
        page && `<!doctype html><script>errors = []; onerror = (e) => errors.push(e)</script>${page}`,
      )
    }).listen(port, '127.0.0.1')
    await once(server, 'listening')
    const browser = await engine.launch()
    try {
      const tab = await browser.newTab()
      await tab.goto(`http://127.0.0.1:${port}/`)
      const readLimits = `Object.fromEntries(['plain', 'deferred', 'own', 'module'].map((id) =>
        [id, document.getElementById(id).dataset.idleTimeoutSeconds ?? 'none']))`
      expect(await tab.evaluate(readLimits)).toEqual({
        plain: '600',
        deferred: '600',
        own: '60',
        module: 'none',
      })
      expect(await tab.evaluate('errors')).toEqual([])
      expect(await tab.evaluate('document.cookie')).toContain('sub=u_42')
    } finally {
      await browser.close()
      server.close()
      server.closeAllConnections()
    }
  })
})
