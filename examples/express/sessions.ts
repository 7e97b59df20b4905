import type { SessionData, Store } from 'express-session'
import type { LapseOptions } from './options.ts'
import { report, type SessionEnd } from './report.ts'

/** A signed-in user's session in the store. */
export interface OpenSession extends Pick<SessionData, 'subject' | 'alias'> {
  /** The session's own id, which never leaves the server but in the user's cookie. */
  readonly id: string
}

/** Every session in the store that someone is signed in with. */
export async function openSessions(store: Store): Promise<OpenSession[]> {
  return Object.entries(await listOf(store)).flatMap(([key, data]) => {
    const { subject, alias } = data
    // The memory store gives an object by ids; connect-redis a list, with the id in each.
    const id = 'id' in data ? String(data.id) : key
    return subject ? [{ id, subject, alias }] : []
  })
}

function listOf(store: Store): Promise<readonly SessionData[] | Readonly<Record<string, SessionData>>> {
  return new Promise((resolve, reject) => {
    if (!store.all) throw new Error('Use a session store that can list its sessions.')
    store.all((error, sessions) => (error ? reject(error) : resolve(sessions ?? [])))
  })
}

/**
 * Ends someone's session on the server. The report comes first: as soon as the session is gone, the user's browser
 * may find that out and report it as well, and the first report of a session is the one that counts.
 */
export async function endSession(
  store: Store,
  lapse: LapseOptions,
  { id, subject, alias }: OpenSession,
  reason: SessionEnd['reason'],
): Promise<void> {
  await report(lapse, { session: alias, subject, reason })
  await new Promise<void>((resolve, reject) => {
    store.destroy(id, (error) => (error ? reject(error) : resolve()))
  })
}
