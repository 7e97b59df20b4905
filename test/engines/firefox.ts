import { setTimeout as sleep } from 'node:timers/promises'
import type { BrowserContext, Browser as Process } from 'puppeteer-core'
import { launch } from 'puppeteer-core'
import { findProgram } from '../../scripts/findProgram.ts'
import { type Browser, type Engine, leave, refuse, startTimeoutMs, type Tab } from './engine.ts'
import { killGroup } from './program.ts'

/**
 * Drives Debian's Firefox ESR with puppeteer-core over WebDriver BiDi.
 *
 * @param preferences settings of Firefox by their names in `about:config`.
 */
export function createFirefox(preferences: Readonly<Record<string, boolean>> = {}): Engine {
  let shared: Promise<Process> | undefined

  return {
    name: 'Firefox',
    limits: { prerendering: 'Firefox has no prerendering' },

    async launch(profile) {
      if (profile) {
        const started = await start(preferences, profile)
        return {
          ...createTabControls(started.defaultBrowserContext()),
          close: () => quit(started),
          kill: () => kill(started),
        }
      }
      shared ??= start(preferences)
      // A new container, which shares nothing with other contexts.
      const context = await (await shared).createBrowserContext()
      return {
        ...createTabControls(context),
        close: () => context.close(),
        kill: async () => refuse('Firefox', 'kill a browser that shares its process'),
      }
    },

    async stop() {
      await shared?.then(quit, () => {})
      shared = undefined
    },
  }
}

function start(preferences: Readonly<Record<string, boolean>>, profile?: string): Promise<Process> {
  return launch({
    browser: 'firefox',
    timeout: startTimeoutMs,
    // The tests issue their own certificates.
    acceptInsecureCerts: true,
    extraPrefsFirefox: preferences,
    executablePath: findProgram('firefox-esr'),
    ...(profile && { userDataDir: profile }),
  })
}

async function quit(started: Process): Promise<void> {
  const pid = started.process()?.pid
  await started.close()
  killGroup(pid)
}

async function kill(started: Process): Promise<void> {
  killGroup(started.process()?.pid)
  await started.close().catch(() => {})
}

function createTabControls(context: BrowserContext): Pick<Browser, 'newTab' | 'setOffline'> {
  return {
    async setOffline(offline) {
      for (const page of await context.pages()) await page.setOfflineMode(offline)
    },
    async newTab() {
      const page = await context.newPage()
      const navigate = (script: string) =>
        leave(tab, () => page.evaluate(`void setTimeout(() => { ${script} }, 0)`))
      const tab: Tab = {
        // `page.goto` never resolves in a tab whose page was restored from bfcache, although the page loads.
        goto: (url) => leave(tab, () => Promise.race([page.goto(url), sleep(50)])),
        reload: () => navigate('location.reload()'),
        back: () => navigate('history.back()'),
        forward: () => navigate('history.forward()'),
        click: (selector) => page.click(selector),
        evaluate: async <T>(expression: string) => (await page.evaluate(expression)) as T,
        url: () => tab.evaluate<string>('location.href'),
        close: () => page.close(),
      }
      return tab
    },
  }
}
