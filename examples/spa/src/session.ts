import type { Identity, Pending, Verdict } from '@lapse/client'
import { redirect } from 'react-router'
import { callApi } from './api.ts'
import { lapse } from './lapse.ts'

/** Loads the session for every page that needs one, and tells Lapse about it. */
export async function loadSession(): Promise<Identity> {
  const identity = await callApi<Identity>('GET', '/session')
  lapse.active(identity)
  return identity
}

export interface LoginData {
  /** Settles when the collector has answered. The login form does not wait for it. */
  readonly verdict: Promise<Verdict | Pending | null>
}

/** Runs before the login page. It calls `absent` only if the server answers that there is no session. */
export async function loadLogin(): Promise<LoginData> {
  const response = await fetch('/api/session')
  await response.text()
  if (response.ok) throw redirect('/')
  // Before the next sign-in: that successful call would count as the old session's last access.
  return { verdict: response.status === 401 ? lapse.absent() : Promise.resolve(null) }
}

export async function signIn({ request }: { request: Request }): Promise<Response> {
  const form = await request.formData()
  await callApi('POST', '/session', { user: form.get('user') })
  return redirect('/')
}

/** Calls `logout` first: another tab that polls meanwhile finds no session, and must find no marker either. */
export async function signOut(): Promise<Response> {
  lapse.logout()
  await callApi('DELETE', '/session')
  return redirect('/login')
}
