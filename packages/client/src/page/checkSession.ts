import { listCookies } from '../marker/listCookies.ts'
import type { SessionCheck } from '../types/lapse.ts'

/** A check whose kind is known only at run time. */
interface UnknownCheck {
  readonly cookie?: string | undefined
  readonly probe?: string | undefined
}

/** A redirect that is not followed has the status 0. */
const noSessionStatuses = [0, 401, 403]

/** Checks whether there is a session. Returns `undefined` if that is unknown. */
export async function checkSession(check: SessionCheck | UnknownCheck): Promise<boolean | undefined> {
  if (typeof check === 'function') return check()
  if (check.cookie) return listCookies(check.cookie).length > 0
  if (!check.probe) return undefined
  // A redirect usually leads to a login page, which answers 200, so do not follow it.
  const response = await fetch(check.probe, {
    cache: 'no-store',
    credentials: 'include',
    redirect: 'manual',
  })
  if (noSessionStatuses.includes(response.status)) return false
  // HTML is a page for people, such as a login page.
  if (!response.ok || response.headers.get('Content-Type')?.includes('html')) return undefined
  return !/^\s*(null|false|{\s*})\s*$/.test(await response.text())
}
