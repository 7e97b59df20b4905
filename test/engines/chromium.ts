import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type BrowserContext, type Browser as Process, chromium as playwright } from 'playwright-core'
import { createBrowserOptions } from '../browser.ts'
import { type Browser, type Engine, leave, refuse, startTimeoutMs, type Tab, waitUntil } from './engine.ts'
import { type Program, startProgram } from './program.ts'

/**
 * Drives Debian's Chromium with playwright-core. Playwright only connects to it. If it launched Chromium itself, it would
 * disable bfcache and hide the process.
 */
export function createChromium(): Engine {
  let shared: Promise<Started> | undefined
  let folder: string | undefined

  return {
    name: 'Chromium',
    limits: {
      unreadReplies: 'Chromium does not report responses whose body the page does not read',
    },

    async launch(profile) {
      if (profile) {
        const started = await start(profile)
        const [context] = started.connection.contexts()
        if (!context) throw new Error('Chromium has no default context.')
        return {
          ...createTabControls(context),
          close: () => quit(started),
          kill: () => started.program.kill(),
        }
      }
      folder ??= mkdtempSync(join(tmpdir(), 'lapse-test-'))
      shared ??= start(folder)
      const { connection } = await shared
      const context = await connection.newContext()
      return {
        ...createTabControls(context),
        close: () => context.close(),
        kill: async () => refuse('Chromium', 'kill a browser that shares its process'),
      }
    },

    async stop() {
      if (shared) await shared.then(quit, () => {})
      if (folder) rmSync(folder, { recursive: true, force: true })
      shared = folder = undefined
    },
  }
}

interface Started {
  readonly program: Program
  readonly connection: Process
}

function spawn(profile: string, ...url: string[]): Program {
  const { executablePath = '', args = [] } = createBrowserOptions()
  return startProgram(executablePath, [
    ...args,
    '--headless=new',
    '--remote-debugging-port=0',
    `--user-data-dir=${profile}`,
    '--password-store=basic',
    '--disable-breakpad',
    '--no-default-browser-check',
    // The tests issue their own certificates.
    '--ignore-certificate-errors',
    ...url,
  ])
}

/**
 * Opens a page in a Chromium without a driver, because Chromium prerenders no page while a driver is connected. The page
 * acts on its own, and the test asks the server for the result.
 */
export function openUndriven(profile: string, url: string): Program {
  return spawn(profile, url)
}

async function start(profile: string): Promise<Started> {
  // Without a page, Chromium opens its new tab page, which takes as long to start as the browser itself.
  const program = spawn(profile, 'about:blank')
  const address = () => /DevTools listening on (ws:\S+)/.exec(program.output())?.[1]
  try {
    await waitUntil(async () => address() !== undefined, 'Chromium', startTimeoutMs)
    return {
      program,
      connection: await playwright.connectOverCDP(address() ?? '', { timeout: startTimeoutMs }),
    }
  } catch (cause) {
    await program.kill()
    throw new Error(`Chromium did not start: ${program.output()}`, { cause })
  }
}

async function quit({ program, connection }: Started): Promise<void> {
  const devtools = await connection.newBrowserCDPSession()
  await devtools.send('Browser.close').catch(() => {})
  await program.waitForExit()
}

function createTabControls(context: BrowserContext): Pick<Browser, 'newTab' | 'setOffline'> {
  return {
    setOffline: (offline) => context.setOffline(offline),
    async newTab() {
      const page = await context.newPage()
      const navigate = (script: string) =>
        leave(tab, () => page.evaluate(`void setTimeout(() => { ${script} }, 0)`))
      const tab: Tab = {
        goto: async (url) => void (await page.goto(url)),
        reload: async () => void (await page.reload()),
        back: () => navigate('history.back()'),
        forward: () => navigate('history.forward()'),
        click: (selector) => page.click(selector, { noWaitAfter: true }),
        evaluate: <T>(expression: string) => page.evaluate<T>(expression),
        url: async () => page.url(),
        close: () => page.close(),
      }
      return tab
    },
  }
}
