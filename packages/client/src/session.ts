import Cookies from 'js-cookie'
import type { SessionLook } from './options.ts'

/** Looks whether there is a session. Nothing: it can't be told. */
export async function hasSession(look: SessionLook): Promise<boolean | undefined> {
  if (typeof look === 'function') return look()
  if (look.cookie) return Cookies.get(look.cookie) !== undefined
  if (!look.probe) return undefined
  // A redirect to a login page that answers 200 is no session.
  const { ok, status } = await fetch(look.probe, { cache: 'no-store', redirect: 'manual' })
  return ok || (/40[13]/.test(`${status}`) ? false : undefined)
}
