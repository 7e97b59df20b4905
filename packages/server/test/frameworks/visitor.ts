import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { expect } from 'vitest'
import { readStoredTime } from '../../../../test/databases.ts'
import { waitUntil } from '../../../../test/engines/engine.ts'
import type { TestApplication } from './testApplication.ts'

/** A row of the audit table, with its times in epoch milliseconds. */
export type Row = Readonly<Record<string, unknown>> & {
  readonly reason: string
  readonly session: string
  readonly lastAccessAt: number
  readonly expiredAt: number
  readonly detectedAt: number
}

/** A user of an application with their own browser. */
export interface Visitor {
  readonly user: string
  readonly context: BrowserContext
  readonly page: Page
  /** Opens a page of a replica, and returns when that was. */
  open(path: string, url?: string): Promise<number>
  /** Signs in, waits until the script has set the marker, and returns when that was. */
  signIn(url?: string): Promise<number>
  signOut(): Promise<void>
  /** Waits until the session has expired. */
  waitUntilExpired(): Promise<void>
  /** The path of the current page. */
  readPath(): string
  /** Reads the current rows of the user. */
  readCurrentRows(): Promise<Row[]>
  /** Waits for the only current row of the user's session, and long enough for another one. */
  expectOneRow(): Promise<Row>
  /** Waits long enough for a row, and expects that there is none. */
  expectNoRow(): Promise<void>
}

/** Longer than the longest delay between two attempts to send a report. */
export const longestDelayMs = 90_000
/** How long another row may take. Only waiting shows that there is none. */
const settleMs = 1500

/** @param user the user's id, which nobody else has by default. */
export async function openVisitor(
  browser: Browser,
  application: TestApplication,
  user = `u_${randomBytes(6).toString('hex')}`,
): Promise<Visitor> {
  const context = await browser.newContext()
  const page = await context.newPage()
  const { sql } = application.collector.database
  const visitor: Visitor = {
    user,
    context,
    page,
    async open(path, url = application.url) {
      await page.goto(url + path)
      return Date.now()
    },
    async signIn(url = application.url) {
      await page.goto(`${url}/sign-in?user=${user}`)
      await page.waitForURL(`${url}/`)
      const signedInAt = Date.now()
      const hasMarker = async () => (await context.cookies()).some(({ name }) => name === 'lapse-acme')
      await waitUntil(hasMarker, 'the marker')
      return signedInAt
    },
    async signOut() {
      await page.click('[data-lapse-logout] button')
      await page.waitForURL('**/login')
    },
    waitUntilExpired: () => sleep(application.idleTimeoutSeconds * 1000 + 2500),
    readPath: () => new URL(page.url()).pathname,
    async readCurrentRows() {
      const rows: Record<string, unknown>[] = await sql('session_audit')
        .where({ subject: user })
        .orderBy('id')
      const superseded = new Set(rows.map(({ supersedes }) => supersedes))
      return rows.filter(({ id }) => !superseded.has(id)).map(convertTimes)
    },
    async expectOneRow() {
      const hasRow = async () => (await visitor.readCurrentRows()).length > 0
      await waitUntil(hasRow, `a row of ${user}`, longestDelayMs)
      await sleep(settleMs)
      const rows = await visitor.readCurrentRows()
      expect(rows).toHaveLength(1)
      return rows[0] as Row
    },
    async expectNoRow() {
      await sleep(settleMs)
      expect(await visitor.readCurrentRows()).toEqual([])
    },
  }
  return visitor
}

function convertTimes(row: Record<string, unknown>): Row {
  return {
    ...row,
    reason: String(row.reason),
    session: String(row.session),
    lastAccessAt: readStoredTime(row.last_access_at),
    expiredAt: readStoredTime(row.expired_at),
    detectedAt: readStoredTime(row.detected_at),
  }
}
