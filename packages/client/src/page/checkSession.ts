import Cookies from 'js-cookie'
import type { SessionCheck } from '../types/lapse.ts'

/** A check whose kind is known only at run time. */
interface UnknownCheck {
  readonly cookie?: string | undefined
  readonly probe?: string | undefined
}

/** Checks whether there is a session. Returns `undefined` if that is unknown. */
export async function checkSession(check: SessionCheck | UnknownCheck): Promise<boolean | undefined> {
  if (typeof check === 'function') return check()
  if (check.cookie) return Cookies.get(check.cookie) !== undefined
  if (!check.probe) return undefined
  // A redirect usually leads to a login page, which answers 200, so do not follow it.
  const { ok, status } = await fetch(check.probe, { cache: 'no-store', redirect: 'manual' })
  if (ok) return true
  return status === 401 || status === 403 ? false : undefined
}
