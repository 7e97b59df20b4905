import type { StoredSession } from '@lapse/server'
import type { SessionData, Store } from 'express-session'

declare module 'express-session' {
  /** What the store keeps for a signed-in user. */
  interface SessionData {
    /** An opaque user id, never a name or an email address. */
    subject: string
    /** What `request.lapse.signIn` has stored. */
    lapse: StoredSession
  }
}

interface ListedSession {
  /** The session's own id. Apart from the user's cookie, it never leaves the server. */
  readonly id: string
  readonly subject: string
  /** The session alias. It gives no access, so pages may show it. */
  readonly alias: string
}

/** A session may belong to nobody. */
type ListedData = Partial<SessionData>

/** Lists the sessions of all signed-in users. */
export async function listSessions(store: Store): Promise<ListedSession[]> {
  return Object.entries(await readStore(store)).flatMap(([key, data]) => {
    // The memory store returns an object keyed by id, connect-redis an array with the id in each item.
    const id = 'id' in data ? String(data.id) : key
    return data.lapse ? [{ id, subject: data.lapse.subject, alias: data.lapse.session }] : []
  })
}

function readStore(store: Store): Promise<readonly ListedData[] | Readonly<Record<string, ListedData>>> {
  return new Promise((resolve, reject) => {
    if (!store.all) throw new Error('This session store cannot list its sessions. Use one that can.')
    store.all((error, sessions) => (error ? reject(error) : resolve(sessions ?? [])))
  })
}
