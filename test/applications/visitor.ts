import { setTimeout as sleep } from 'node:timers/promises'
import { type Browser, type Engine, leave, type Tab, waitUntil } from '../engines/engine.ts'
import type { Application } from './application.ts'

type Row = Readonly<Record<string, unknown>>

/** A user of an application at a browser. */
export interface Visitor {
  readonly browser: Browser
  readonly tab: Tab
  /** The user's name, which nobody else has. */
  readonly user: string
  open(path: string): Promise<void>
  /** Fills in fields and clicks a button that leads to another page. */
  submit(fields: Readonly<Record<string, string>>, button: string): Promise<void>
  /** Clicks an element, visible or not, that leads to another page. */
  follow(selector: string): Promise<void>
  /** Waits until an expression is true in the page. */
  waitFor(expression: string, timeoutMs?: number): Promise<void>
  /** Reads the `data-` attributes of the page's script tag. */
  readTag(): Promise<Readonly<Record<string, string>>>
  /** Waits until the session of this page has a marker with its ticket. */
  waitForMarker(): Promise<void>
  /** Reads the reasons of the user's rows once the expected number has arrived, and long enough for one more. */
  readReasons(expectedCount: number): Promise<unknown[]>
}

/** How long another row may take to arrive. Only waiting shows that there is none. */
const settleMs = 1000

export async function createVisitor(
  engine: Engine,
  { url, collector }: Application,
  user: string,
): Promise<Visitor> {
  const browser = await engine.launch()
  const tab = await browser.newTab()
  let subject = 'unknown'
  const readRows = (): Promise<Row[]> =>
    collector.database.sql('session_audit').where({ subject }).orderBy('id')

  const visitor: Visitor = {
    browser,
    tab,
    user,
    open: (path) => tab.goto(url + path),
    submit: (fields, button) => leave(tab, () => tab.evaluate(renderSubmit(fields, button))),
    follow: (selector) => leave(tab, () => tab.evaluate(renderClick(selector))),
    waitFor: (expression, timeoutMs = 30_000) =>
      waitUntil(
        () => tab.evaluate<boolean>(`Boolean(${expression})`).catch(() => false),
        expression,
        timeoutMs,
      ),
    readTag: () => tab.evaluate(`({ ...document.querySelector('script[data-site]').dataset })`),
    async waitForMarker() {
      const { session, ticket, subject: current = '' } = await visitor.readTag()
      subject = current
      if (!session || !ticket) throw new Error('The page does not state a session with a ticket.')
      for (const part of [session, ticket])
        await visitor.waitFor(`decodeURIComponent(document.cookie).includes('${part}')`)
    },
    async readReasons(expectedCount) {
      const hasArrived = async () => (await readRows()).length >= expectedCount
      await waitUntil(hasArrived, `${expectedCount} rows of ${user}`).catch(() => {})
      await sleep(settleMs)
      const rows = await readRows()
      const aliases = rows.map(({ session }) => session).filter((session) => session !== null)
      if (new Set(aliases).size < aliases.length) throw new Error(`A session of ${user} has two rows.`)
      return rows.map(({ reason }) => reason)
    },
  }
  return visitor
}

/** Renders a script that fills in the fields with these ids, and clicks a button after the script has returned. */
export function renderSubmit(
  fields: Readonly<Record<string, string>>,
  button: string,
  document = 'document',
): string {
  const assignments = Object.entries(fields).map(
    ([id, value]) => `${document}.getElementById('${id}').value = ${JSON.stringify(value)};`,
  )
  return `(() => { ${assignments.join(' ')} return ${renderClick(button, document)} })()`
}

function renderClick(selector: string, document = 'document'): string {
  return `void setTimeout(() => ${document}.querySelector(${JSON.stringify(selector)}).click())`
}
