import type { Identity, Pending, Verdict } from '@lapse/client'
import { redirect } from 'react-router'
import { call } from './api.ts'
import { lapse } from './lapse.ts'

/** The route guard: in front of every page that needs a session. Lapse hears whose it is. */
export async function guard(): Promise<Identity> {
  const identity = await call<Identity>('GET', '/session')
  lapse.active(identity)
  return identity
}

export interface LoginData {
  /** Settles when the collector has answered. The login form does not wait for it. */
  readonly lapsed: Promise<Verdict | Pending | null>
}

/** In front of the login page. Only where the server says that there is no session does Lapse hear so. */
export async function beforeLogin(): Promise<LoginData> {
  const response = await fetch('/api/session')
  await response.text()
  if (response.ok) throw redirect('/')
  // Said before anyone signs in anew: the sign-in would count as the old session's last access.
  return { lapsed: response.status === 401 ? lapse.absent() : Promise.resolve(null) }
}

export async function signIn({ request }: { request: Request }): Promise<Response> {
  const form = await request.formData()
  await call('POST', '/session', { user: form.get('user') })
  return redirect('/')
}

/** Lapse hears first: another tab that polls in between finds no session, and must find no marker either. */
export async function signOut(): Promise<Response> {
  lapse.logout()
  await call('DELETE', '/session')
  return redirect('/login')
}
