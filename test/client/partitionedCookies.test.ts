import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { waitUntil } from '../engines/engine.ts'
import { createEngines } from '../engines/engines.ts'
import { findFreePort } from '../servers.ts'
import { type Environment, startEnvironment } from './environment.ts'
import { type FramedPages, startFramedPages } from './framedPages.ts'

let env: Environment<'app'>
let pages: FramedPages
beforeAll(async () => {
  const port = await findFreePort()
  env = await startEnvironment({
    app: { idleTimeoutSeconds: 3, otherOrigins: () => [`https://127.0.0.1:${port}`] },
  })
  pages = await startFramedPages(port, env.collectorUrl)
})
afterAll(async () => {
  await pages.close()
  await env.end()
})

describe.concurrent.each(createEngines())('In $name,', (engine) => {
  afterAll(() => engine.stop())

  const attributes = {
    'data-idle-timeout-seconds': '3',
    'data-cookie-partitioned': 'true',
    'data-cookie-same-site': 'none',
  }

  describe('an application in a frame of another site', { concurrent: false }, () => {
    test('keeps a partitioned marker, which leaves one row after the timeout, unless the browser refuses it', async () => {
      const subject = `u_${randomUUID()}`
      const browser = await engine.launch()
      try {
        const tab = await browser.newTab()
        const open = async (state: Record<string, string>) => {
          await tab.goto(`${pages.outerUrl}?${new URLSearchParams({ ...attributes, ...state })}`)
          await waitUntil(() => tab.evaluate<boolean>('window.inner !== undefined'), 'the frame')
          return tab.evaluate<{ cookies: string; errors: string[] }>('window.inner')
        }
        const { cookies, errors } = await open({ 'data-state': 'active', 'data-subject': subject })
        // WebKit lets a frame of another site keep no cookie at all.
        const isRefused = engine.name === 'WebKit'
        expect(errors).toEqual(isRefused ? ['marker_refused'] : [])
        expect(cookies.includes(subject)).toBe(!isRefused)
        await sleep(3300)

        // The marker of the frame does not exist for the application itself.
        await tab.goto(`${pages.innerUrl}?${new URLSearchParams({ ...attributes, 'data-state': 'absent' })}`)
        await sleep(800)
        expect(await env.readRows([subject])).toEqual([])

        await open({ 'data-state': 'absent' })
        if (!isRefused)
          await waitUntil(async () => (await env.readRows([subject])).length > 0, `a row of ${subject}`)
        await sleep(800)
        expect(await env.readRows([subject])).toMatchObject(
          isRefused ? [] : [{ reason: 'idle_timeout', subject }],
        )
      } finally {
        await browser.close()
      }
    })
  })
})
