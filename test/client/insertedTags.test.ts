import { once } from 'node:events'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createEngines } from '../engines/engines.ts'
import { findFreePort } from '../servers.ts'
import { type Environment, startEnvironment } from './environment.ts'
import { createFragmentPages } from './fragmentPages.ts'
import { libraryFiles } from './swappedPages.ts'
import { createVisitor, type Visitor } from './visitor.ts'

let env: Environment<'app'>
beforeAll(async () => {
  env = await startEnvironment({
    app: { idleTimeoutSeconds: 3, pages: createFragmentPages(), files: libraryFiles },
  })
})
afterAll(() => env.end())

/** Scripts that insert what the server answers. */
const insertions = [
  {
    name: "jQuery's html()",
    insert: (path: string) => `$.get('${path}').then((html) => void $('#box').html(html))`,
  },
  {
    name: "jQuery's append()",
    insert: (path: string) => `$.get('${path}').then((html) => void $('#box').append(html))`,
  },
  {
    name: 'innerHTML',
    insert: (path: string) =>
      `fetch('${path}').then((response) => response.text()).then((html) => { document.querySelector('#box').innerHTML = html })`,
  },
]
/** A page without a tag of its own, whose content is inserted later. */
const fragment = '/reports?fragment=1&login-in-place=1'
const message = 'You were signed out after 3 seconds without activity.'

describe.concurrent.each(createEngines())('In $name,', (engine) => {
  afterAll(() => engine.stop())

  let user: Visitor
  beforeEach(async () => {
    user = await createVisitor(engine, env, env.hosts.app)
  })
  afterEach(() => user.browser.close())

  const readMessage = () =>
    user.tab.evaluate<string>(
      "document.querySelector('#box [data-lapse-message]:not([hidden])')?.textContent ?? ''",
    )

  describe.each(insertions)('a tag that $name inserts', { concurrent: false }, ({ name, insert }) => {
    test('leaves one row after the timeout and shows its message, and then starts the next session', async () => {
      const { id } = await user.signIn()
      await user.waitUntilExpired()
      await user.tab.evaluate(insert(fragment))
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', marker: id })
      expect(await readMessage()).toBe(message)
      expect(await user.readMarker()).toBeUndefined()

      await user.tab.evaluate(`fetch('/sign-in?user=${user.subject}').then((response) => response.text())`)
      await user.tab.evaluate(insert(fragment))
      const next = await user.waitForMarker(user.subject)
      expect(next.id).not.toBe(id)
      await user.expectOneRow()
    })

    test('starts a session on a page that had no tag before', async ({ skip }) => {
      skip(name === 'innerHTML', 'a browser runs no script that innerHTML has inserted')
      await user.open(`/sign-in?user=${user.subject}&next=${encodeURIComponent('/?no-tag=1')}`)
      await user.expectNoRow()
      expect(await user.readMarker()).toBeUndefined()
      await user.tab.evaluate(insert(fragment))
      const { id } = await user.waitForMarker(user.subject)
      await user.waitUntilExpired()
      await user.tab.evaluate(insert(fragment))
      expect(await user.expectOneRow()).toMatchObject({ reason: 'idle_timeout', marker: id })
    })
  })

  describe('a tag that the content security policy blocks', { concurrent: false }, () => {
    test.each(['in the page', 'inserted later'])(
      'sends nothing to a collector that it names, %s',
      async (when) => {
        const port = await findFreePort()
        let requests = 0
        const server = createServer((_, response) => {
          requests += 1
          response.setHeader('Access-Control-Allow-Origin', '*')
          response.end()
        }).listen(port, '127.0.0.1')
        await once(server, 'listening')
        const stranger = `http://127.0.0.1:${port}`
        const forged = `<script src="${stranger}/lapse.js" data-site="app" data-state="absent" data-collector="${stranger}"></script>`
        const query = new URLSearchParams({ csp: `script-src ${env.collectorUrl}` })
        if (when === 'in the page') query.set('content', forged)
        try {
          await user.signIn()
          await user.open(`/?${query}`)
          if (when === 'inserted later')
            await user.tab.evaluate(
              `void (document.querySelector('#box').innerHTML = ${JSON.stringify(forged)})`,
            )
          await sleep(1000)
          expect(requests).toBe(0)
        } finally {
          server.close()
          server.closeAllConnections()
        }
      },
    )
  })
})
