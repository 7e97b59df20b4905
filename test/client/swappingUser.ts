import { expect } from 'vitest'
import { type Engine, waitUntil } from '../engines/engine.ts'
import type { Environment } from './environment.ts'
import type { Host } from './host.ts'
import { createVisitor, type Visitor } from './visitor.ts'

/** A user of an application that swaps pages. */
export interface SwappingUser extends Visitor {
  /** Loads a page. Every later page must be swapped into this document. */
  load(path: string): Promise<void>
  /** Loads the application's first page, signed in, and returns the id of the marker. */
  enter(): Promise<string>
  /** Clicks and waits for the page with this title, in the same document. */
  clickAndWait(selector: string, title: string): Promise<void>
  /** Runs a script that changes the page, and waits for the page with this title, in the same document. */
  swap(script: string, title: string): Promise<void>
  /**
   * Visits a page with Turbo, runs the check while Turbo shows its cached preview, and waits for the page itself. The
   * path needs the query `held=SUBJECT`, so that the host answers only after the check.
   */
  preview(path: string, title: string, check: () => Promise<void>): Promise<void>
  /** Fills in the form of the login page and returns the id of the new marker. */
  signInWithForm(): Promise<string>
  /** Reads the text of the message, if it is shown. */
  readMessage(): Promise<string | undefined>
  /** Counts the requests that this document has sent to the collector. */
  countReports(): Promise<number>
}

export async function createSwappingUser(
  engine: Engine,
  env: Environment<string>,
  host: Host,
): Promise<SwappingUser> {
  const visitor = await createVisitor(engine, env, host)
  const { tab, subject } = visitor

  const isPreview = "document.documentElement.hasAttribute('data-turbo-preview')"
  const rendering = "document.querySelector('main')?.dataset.rendering"

  async function waitForSwap(swap: () => Promise<void>, title: string) {
    const before = await tab.evaluate<string>(rendering)
    await swap()
    // One expression: the page can change between two.
    const isSwapped = `!${isPreview} && !window.isSettling && document.title === '${title}' && ${rendering} !== '${before}'`
    await waitUntil(() => tab.evaluate<boolean>(isSwapped), `the page ${title}`)
    expect(await tab.evaluate('window.isFirstDocument')).toBe(true)
  }

  const user: SwappingUser = {
    ...visitor,
    async load(path) {
      await visitor.open(path)
      await tab.evaluate('window.isFirstDocument = true')
      // htmx takes over the links of a page a moment after it has swapped it in. An earlier click loads a page.
      await tab.evaluate(`[
        document.addEventListener('htmx:beforeSwap', (event) => { window.isSettling = event.detail.shouldSwap }),
        document.addEventListener('htmx:afterSettle', () => { window.isSettling = false }),
      ]`)
    },
    async enter() {
      await user.load(`/sign-in?user=${subject}`)
      return (await visitor.waitForMarker(subject)).id
    },
    // By script, because a real click gets lost while the browser animates the transition between two pages.
    clickAndWait: (selector, title) => user.swap(`document.querySelector('${selector}').click()`, title),
    swap: (script, title) => waitForSwap(() => tab.evaluate(`void (${script})`), title),
    preview: (path, title, check) =>
      waitForSwap(async () => {
        const release = host.hold(subject)
        try {
          await tab.evaluate(`void Turbo.visit('${path}')`)
          await waitUntil(() => tab.evaluate<boolean>(isPreview), 'the preview')
          await check()
        } finally {
          release()
        }
      }, title),
    async signInWithForm() {
      await tab.evaluate(`void (document.querySelector('[name=user]').value = '${subject}')`)
      await user.clickAndWait('#sign-in', 'Application')
      return (await visitor.waitForMarker(subject)).id
    },
    async readMessage() {
      const text = "document.querySelector('[data-lapse-message]:not([hidden])')?.textContent ?? ''"
      return (await tab.evaluate<string>(text)) || undefined
    },
    countReports: () =>
      tab.evaluate<number>(
        "performance.getEntriesByType('resource').filter(({ name }) => name.endsWith('/v1/lapses')).length",
      ),
  }
  return user
}
