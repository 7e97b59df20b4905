import type { SessionData, Store } from 'express-session'
import type { ShopOptions } from './options.ts'
import { type EndReport, reportSessionEnd } from './reportSessionEnd.ts'

/** A signed-in user's session in the store. */
export interface StoredSession extends Pick<SessionData, 'subject' | 'alias'> {
  /** The session's own id. Apart from the user's cookie, it never leaves the server. */
  readonly id: string
}

/** Lists the sessions of all signed-in users. */
export async function listSessions(store: Store): Promise<StoredSession[]> {
  return Object.entries(await readStore(store)).flatMap(([key, data]) => {
    const { subject, alias } = data
    // The memory store returns an object keyed by id, connect-redis an array with the id in each item.
    const id = 'id' in data ? String(data.id) : key
    return subject ? [{ id, subject, alias }] : []
  })
}

function readStore(store: Store): Promise<readonly SessionData[] | Readonly<Record<string, SessionData>>> {
  return new Promise((resolve, reject) => {
    if (!store.all) throw new Error('This session store cannot list its sessions. Use one that can.')
    store.all((error, sessions) => (error ? reject(error) : resolve(sessions ?? [])))
  })
}

/**
 * Ends a session on the server. Reports first: as soon as the session is gone, the user's browser may notice and report
 * it too, and the first report of a session counts.
 */
export async function endSession(
  { store, ...collector }: Pick<ShopOptions, 'store' | 'collector' | 'token'>,
  { id, subject, alias }: StoredSession,
  reason: EndReport['reason'],
): Promise<void> {
  await reportSessionEnd(collector, { site: 'shop', session: alias, subject, reason })
  await new Promise<void>((resolve, reject) => {
    store.destroy(id, (error) => (error ? reject(error) : resolve()))
  })
}
