import { setTimeout as sleep } from 'node:timers/promises'

/** What not every engine can be made to do here. */
type Ability = 'offline' | 'prerendering' | 'unreadReplies'

/** One browser engine, driven by whatever drives it best. The scenarios see no difference. */
export interface Engine {
  readonly name: 'Chromium' | 'Firefox' | 'WebKit'
  /** Why it can't, for each thing that it can't. A scenario that needs it is skipped with these words. */
  readonly limits: Readonly<Partial<Record<Ability, string>>>
  /**
   * A browser without cookies or storage. Given a profile folder, it is a process of its own that keeps both there,
   * as a user's browser does; otherwise it may share its process with others, and can't be killed.
   */
  launch(profile?: string): Promise<Browser>
  /** Ends what the browsers share. */
  stop(): Promise<void>
}

export interface Browser {
  newTab(): Promise<Tab>
  /** Takes the network away from all tabs that are open, or gives it back. */
  setOffline(offline: boolean): Promise<void>
  /** Quits as a user does: storage is on the disk, session cookies are gone. */
  close(): Promise<void>
  /** Ends the process as a crash does. */
  kill(): Promise<void>
}

export interface Tab {
  /** Resolves after the page's `load` event; a redirect is followed. */
  goto(url: string): Promise<void>
  reload(): Promise<void>
  /** To another page, from bfcache or not; never within one. */
  back(): Promise<void>
  forward(): Promise<void>
  /** A user's click. What comes of it has not happened yet: poll for it. */
  click(selector: string): Promise<void>
  /** The value of an expression in the page; a promise is awaited. */
  evaluate<T>(expression: string): Promise<T>
  url(): Promise<string>
  /** As by the user, without asking the page. */
  close(): Promise<void>
}

export function refuse(engine: Engine['name'], deed: string): never {
  throw new Error(`${engine} can't ${deed} here.`)
}

/**
 * Does what leads to another document, and waits until that is complete. Some drivers' own commands never end where a
 * page comes back from bfcache; here another document is known by the mark that this one gets.
 */
export async function leave(tab: Pick<Tab, 'evaluate'>, deed: () => Promise<unknown>): Promise<void> {
  const mark = `left-${Math.random()}`
  await tab.evaluate(`window.harnessMark = '${mark}'`)
  await deed()
  const isAnother = `window.harnessMark !== '${mark}' && location.href !== 'about:blank'`
  const hasArrived = `${isAnother} && document.readyState === 'complete'`
  // Between two documents there is nothing to ask, or an empty one.
  await waitUntil(() => tab.evaluate<boolean>(hasArrived).catch(() => false), 'the next page')
}

export async function waitUntil(
  isTrue: () => Promise<boolean>,
  what: string,
  timeoutMs = 15_000,
): Promise<void> {
  const end = Date.now() + timeoutMs
  while (!(await isTrue())) {
    if (Date.now() > end) throw new Error(`Waited ${timeoutMs} ms in vain for ${what}.`)
    await sleep(20)
  }
}
