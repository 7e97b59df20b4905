import { setTimeout as sleep } from 'node:timers/promises'

/** Abilities that some engines lack here. */
type Ability = 'offline' | 'prerendering' | 'unreadReplies'

/** A browser engine. All engines have the same interface, whichever tool drives them. */
export interface Engine {
  readonly name: 'Chromium' | 'Firefox' | 'WebKit'
  /** The reason for each missing ability. Tests that need the ability are skipped with this reason. */
  readonly limits: Readonly<Partial<Record<Ability, string>>>
  /**
   * Starts a browser without cookies and storage. With a profile folder, the browser has its own process and keeps both
   * in the folder. Without one, it may share its process with other browsers and cannot be killed.
   */
  launch(profile?: string): Promise<Browser>
  /** Stops the process that browsers share. */
  stop(): Promise<void>
}

export interface Browser {
  newTab(): Promise<Tab>
  /** Disconnects all open tabs from the network, or reconnects them. */
  setOffline(offline: boolean): Promise<void>
  /** Quits as a user does: storage is written to disk, session cookies are deleted. */
  close(): Promise<void>
  /** Kills the process, as in a crash. */
  kill(): Promise<void>
}

export interface Tab {
  /** Opens a page, follows redirects, and resolves after the `load` event. */
  goto(url: string): Promise<void>
  reload(): Promise<void>
  /** Goes back to another document, from bfcache or not. */
  back(): Promise<void>
  forward(): Promise<void>
  /** Clicks as a user does. Does not wait for the effect. */
  click(selector: string): Promise<void>
  /** Evaluates an expression in the page. Awaits a promise. */
  evaluate<T>(expression: string): Promise<T>
  url(): Promise<string>
  /** Closes the tab as a user does, without asking the page. */
  close(): Promise<void>
}

export function refuse(engine: Engine['name'], action: string): never {
  throw new Error(`${engine} cannot ${action} here.`)
}

/**
 * Runs an action that leads to another document, and waits until that document is complete. Some drivers' own commands
 * never resolve when a page comes from bfcache. This function marks the current document to detect another one.
 */
export async function leave(tab: Pick<Tab, 'evaluate'>, action: () => Promise<unknown>): Promise<void> {
  const mark = `left-${Math.random()}`
  await tab.evaluate(`window.harnessMark = '${mark}'`)
  await action()
  const isAnother = `window.harnessMark !== '${mark}' && location.href !== 'about:blank'`
  const hasArrived = `${isAnother} && document.readyState === 'complete'`
  // Between two documents, there is none or an empty one.
  await waitUntil(() => tab.evaluate<boolean>(hasArrived).catch(() => false), 'the next page')
}

/** How long a browser may take to start. */
export const startTimeoutMs = 60_000

export async function waitUntil(
  isTrue: () => Promise<boolean>,
  description: string,
  timeoutMs = 15_000,
): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!(await isTrue())) {
    if (Date.now() > end) throw new Error(`Timed out after ${timeoutMs} ms: waiting for ${description}.`)
    await sleep(20)
  }
}
