import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { type Browser, type Engine, type Tab, waitUntil } from '../engines/engine.ts'
import type { Host } from './host.ts'
import type { Row, Stage } from './stage.ts'

/** Someone at a browser, who knows the audit table. */
export interface Visitor {
  readonly browser: Browser
  readonly tab: Tab
  /** A user id of this visitor's own, and one for somebody else at the same browser. */
  readonly subject: string
  readonly otherSubject: string
  open(path: string): Promise<void>
  pathname(): Promise<string>
  /** Signs in without a login page, as after single sign-on, and waits for the marker. */
  signIn(subject?: string): Promise<Marker>
  marker(): Promise<Marker | undefined>
  /** Waits for the marker of the user's session on the server. */
  markerOf(subject: string): Promise<Marker>
  /** Polls until the tab shows a page whose path this is, loaded whole. */
  arriveAt(path: string): Promise<void>
  /** Polls for the view that a single-page application shows. */
  titled(title: string): Promise<void>
  /** Waits until the session has sat idle for so long that the collector must say so too. */
  idleOut(): Promise<void>
  /** Waits for the row, and then long enough that a second one would have come. */
  onlyRow(): Promise<Row>
  /** Waits long enough that a row would have come. */
  expectNoRow(): Promise<void>
}

interface Marker {
  readonly id: string
  readonly since: number
  readonly at: number
  readonly sid: string | undefined
  readonly sub: string | undefined
}

/** How long a row that is on its way may take; the last one of them is known only by waiting. */
const settleMs = 800

/**
 * A time of a row as the browser's clock had it, epoch milliseconds. In the table it is later by what the event took
 * on its way, which on a machine that does much else can be seconds.
 */
export function sentTime(row: Row, column: 'last_access_at' | 'expired_at'): number {
  return Date.parse(String(row[column])) - Number(row.clock_skew_ms)
}

/** @param profile the folder of a browser that is to be started again. */
export async function visit(
  engine: Engine,
  stage: Stage<string>,
  host: Host,
  profile?: string,
): Promise<Visitor> {
  const browser = await engine.launch(profile)
  return visitWith(browser, await browser.newTab(), stage, host)
}

/** @param known the same person, at a browser that was closed since. */
export function visitWith(
  browser: Browser,
  tab: Tab,
  stage: Stage<string>,
  host: Host,
  known?: Pick<Visitor, 'subject' | 'otherSubject'>,
): Visitor {
  const name = randomBytes(6).toString('hex')
  const { subject, otherSubject } = known ?? { subject: `u_${name}_a`, otherSubject: `u_${name}_b` }
  const rows = () => stage.rows([subject, otherSubject])

  const visitor: Visitor = {
    browser,
    tab,
    subject,
    otherSubject,
    open: (path) => tab.goto(host.url + path),
    pathname: async () => new URL(await tab.url()).pathname,
    arriveAt: (path) => {
      const hasArrived = `location.pathname === '${path}' && document.readyState === 'complete'`
      return waitUntil(() => tab.evaluate<boolean>(hasArrived).catch(() => false), `the page ${path}`)
    },
    titled: (title) =>
      waitUntil(async () => (await tab.evaluate('document.title')) === title, `the view ${title}`),
    async signIn(user = subject) {
      await visitor.open(`/sign-in?user=${user}`)
      return visitor.markerOf(user)
    },
    async marker() {
      const cookies = await tab.evaluate<string>('document.cookie')
      return parseMarker(host.site, cookies)
    },
    async markerOf(user) {
      const alias = host.session(user)?.alias
      let marker: Marker | undefined
      await waitUntil(async () => {
        marker = await visitor.marker()
        return marker?.sid === alias && marker?.sub === user
      }, `the marker of ${user}`)
      if (!marker) throw new Error('The marker is gone again.')
      return marker
    },
    idleOut: () => sleep(host.idleTimeoutSeconds * 1000 + 300),
    async onlyRow() {
      await waitUntil(async () => (await rows()).length > 0, `a row of ${subject}`)
      await sleep(settleMs)
      const found = await rows()
      expect(found).toHaveLength(1)
      return found[0] ?? {}
    },
    async expectNoRow() {
      await sleep(settleMs)
      expect(await rows()).toEqual([])
    },
  }

  return visitor
}

function parseMarker(site: string, cookies: string): Marker | undefined {
  const value = new RegExp(`(?:^|; )lapse-${site}=([^;]+)`).exec(cookies)?.[1]
  if (!value) return undefined
  const fields = new URLSearchParams(decodeURIComponent(value))
  return {
    id: fields.get('id') ?? '',
    since: Number(fields.get('since')),
    at: Number(fields.get('at')),
    sid: fields.get('sid') ?? undefined,
    sub: fields.get('sub') ?? undefined,
  }
}
