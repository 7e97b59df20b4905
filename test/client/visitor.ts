import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { expect } from 'vitest'
import { type Browser, type Engine, type Tab, waitUntil } from '../engines/engine.ts'
import type { Application } from './application.ts'
import type { Environment, Row } from './environment.ts'

/** A user at a browser, with access to the audit table. */
export interface Visitor {
  readonly browser: Browser
  readonly tab: Tab
  /** The visitor's own user id, and one for another user of the same browser. */
  readonly subject: string
  readonly otherSubject: string
  open(path: string): Promise<void>
  readPathname(): Promise<string>
  /** Signs in without a login page, as after single sign-on, and waits for the marker. */
  signIn(subject?: string): Promise<Marker>
  readMarker(): Promise<Marker | undefined>
  /** Waits for the marker of the user's session on the server. */
  waitForMarker(subject: string): Promise<Marker>
  /** Waits until the tab has loaded the page with this path. */
  waitForPath(path: string): Promise<void>
  /** Waits until the single-page application shows this view. */
  waitForTitle(title: string): Promise<void>
  /** Waits until the session's idle timeout has passed, on the host and by the collector's rules. */
  waitUntilExpired(): Promise<void>
  /** Waits for the visitor's only row, 15 s by default, and then long enough for a second row to arrive. */
  expectOneRow(timeoutMs?: number): Promise<Row>
  /** Waits long enough for a row to arrive, and expects none. */
  expectNoRow(): Promise<void>
}

interface Marker {
  readonly id: string
  readonly since: number
  readonly at: number
  readonly sid: string | undefined
  readonly sub: string | undefined
}

/** How long another row may take to arrive. Only waiting shows that there is none. */
const settleMs = 800

/**
 * Reads a time of a row on the browser's clock, in epoch milliseconds. The time in the table is later by what the report
 * took to arrive, which can be seconds on a busy machine.
 */
export function readSentTime(row: Row, column: 'last_access_at' | 'expired_at'): number {
  return Date.parse(String(row[column])) - Number(row.clock_skew_ms)
}

/** @param profile the folder of the browser's profile, to start the browser again later. */
export async function createVisitor(
  engine: Engine,
  env: Pick<Environment<string>, 'readRows'>,
  host: Application,
  profile?: string,
): Promise<Visitor> {
  const browser = await engine.launch(profile)
  return createVisitorInTab(browser, await browser.newTab(), env, host)
}

/** @param known the same visitor before the browser was closed. */
export function createVisitorInTab(
  browser: Browser,
  tab: Tab,
  env: Pick<Environment<string>, 'readRows'>,
  host: Application,
  known?: Pick<Visitor, 'subject' | 'otherSubject'>,
): Visitor {
  const name = randomBytes(6).toString('hex')
  const { subject, otherSubject } = known ?? { subject: `u_${name}_a`, otherSubject: `u_${name}_b` }
  const readRows = () => env.readRows([subject, otherSubject])

  const visitor: Visitor = {
    browser,
    tab,
    subject,
    otherSubject,
    open: (path) => tab.goto(host.url + path),
    readPathname: async () => new URL(await tab.url()).pathname,
    waitForPath: (path) => {
      const hasArrived = `location.pathname === '${path}' && document.readyState === 'complete'`
      return waitUntil(() => tab.evaluate<boolean>(hasArrived).catch(() => false), `the page ${path}`)
    },
    waitForTitle: (title) =>
      waitUntil(async () => (await tab.evaluate('document.title')) === title, `the view ${title}`),
    async signIn(user = subject) {
      await visitor.open(`/sign-in?user=${user}`)
      return visitor.waitForMarker(user)
    },
    async readMarker() {
      const cookies = await tab.evaluate<string>('document.cookie')
      return parseMarker(host.site, cookies)
    },
    async waitForMarker(user) {
      let marker: Marker | undefined
      await waitUntil(async () => {
        // While the page is being replaced, the browser evaluates nothing.
        marker = await visitor.readMarker().catch(() => undefined)
        // A page whose script signs in has no session at first.
        const session = host.findSession(user)
        return session !== undefined && marker?.sid === session.alias && marker.sub === user
      }, `the marker of ${user}`)
      if (!marker) throw new Error('The marker has been deleted again.')
      return marker
    },
    waitUntilExpired: () => sleep(host.idleTimeoutSeconds * 1000 + 300),
    async expectOneRow(timeoutMs) {
      await waitUntil(async () => (await readRows()).length > 0, `a row of ${subject}`, timeoutMs)
      await sleep(settleMs)
      const found = await readRows()
      expect(found).toHaveLength(1)
      return found[0] ?? {}
    },
    async expectNoRow() {
      await sleep(settleMs)
      expect(await readRows()).toEqual([])
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
