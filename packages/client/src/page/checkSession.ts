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
  const response = await fetch(check.probe, {
    cache: 'no-store',
    credentials: 'include',
    redirect: 'manual',
  })
  const { headers, ok, status, type } = response
  if (status === 401 || status === 403 || type === 'opaqueredirect') return false
  // A page is an answer for people, such as a login page.
  if (!ok || /html/.test(`${headers.get('Content-Type')}`)) return undefined
  return !/^\s*(null|false|{\s*})\s*$/.test(await response.text())
}
