import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { findProgram } from '../../scripts/findProgram.ts'
import { findFreePort } from '../servers.ts'
import { type Engine, refuse, startTimeoutMs, type Tab, waitUntil } from './engine.ts'
import { findMiniBrowser, startOnDisplay } from './miniBrowser.ts'
import { isReady, openSession, type WebDriverSession } from './webDriver.ts'
import { startWithProfile } from './webkitInspector.ts'

/** Drives WebKitGTK's MiniBrowser with WebKitWebDriver, on a virtual display, because it has no headless mode. */
export function createWebkit(): Engine {
  return {
    name: 'WebKit',
    limits: {
      offline: 'WebKitGTK has no offline switch',
      prerendering: 'WebKit has no prerendering',
    },
    launch: (profile) => (profile ? startWithProfile(profile) : startAutomated()),
    async stop() {},
  }
}

/** Starts one driver for each browser, because WebKitWebDriver allows one session. Storage is in memory. */
async function startAutomated() {
  const folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  const port = await findFreePort()
  const address = `http://127.0.0.1:${port}`
  const driver = startOnDisplay(folder, [
    findProgram('WebKitWebDriver'),
    `--port=${port}`,
    '--host=127.0.0.1',
  ])
  const end = async () => {
    await driver.kill()
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await waitUntil(() => isReady(address), 'WebKitWebDriver', startTimeoutMs)
    const session = await openSession(address, {
      // The tests issue their own certificates.
      acceptInsecureCerts: true,
      'webkitgtk:browserOptions': { binary: findMiniBrowser(), args: ['--automation'] },
    })
    return createBrowser(session, end)
  } catch (cause) {
    await end()
    throw new Error(`WebKit did not start: ${driver.output()}`, { cause })
  }
}

function createBrowser(session: WebDriverSession, end: () => Promise<void>) {
  let unused: string | undefined = session.firstWindow
  return {
    async newTab() {
      const handle = unused ?? (await session.newWindow())
      unused = undefined
      return createTab(session, handle)
    },
    setOffline: async () => refuse('WebKit', 'go offline'),
    async close() {
      await session.end().catch(() => {})
      await end()
    },
    kill: async () => refuse('WebKit', 'kill a browser without a profile'),
  }
}

/** The key of an element reference in the WebDriver protocol. */
const elementKey = 'element-6066-11e4-a52e-4f735466cecf'

function createTab({ inWindow }: WebDriverSession, handle: string): Tab {
  const post = <T>(path: string, body: object = {}) => inWindow<T>(handle, 'POST', path, body)
  const tab: Tab = {
    goto: (url) => post('/url', { url }),
    reload: () => post('/refresh'),
    back: () => post('/back'),
    forward: () => post('/forward'),
    async click(selector) {
      const found = { using: 'css selector', value: selector }
      const element = await post<Record<string, string>>('/element', found)
      await post(`/element/${element[elementKey]}/click`)
    },
    async evaluate<T>(expression: string) {
      const script = `const done = arguments[0]
        new Promise((resolve) => resolve(${expression})).then((value) => done({ value }), (error) => done({ error: String(error) }))`
      const { value, error } = await post<{ value: T; error?: string }>('/execute/async', {
        script,
        args: [],
      })
      if (error) throw new Error(error)
      return value
    },
    url: () => inWindow<string>(handle, 'GET', '/url'),
    close: async () => void (await inWindow(handle, 'DELETE', '/window')),
  }
  return tab
}
