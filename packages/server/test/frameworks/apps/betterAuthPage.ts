import { createLapse, type Outcome } from '@lapse/client'
import { lapseClientPlugin } from '@lapse/server/better-auth/client'
import { createAuthClient } from 'better-auth/client'

declare global {
  interface Window {
    readonly collector: { readonly url: string; readonly idleTimeoutSeconds: number }
  }
}

const { url, idleTimeoutSeconds } = window.collector

const lapse = createLapse({ site: 'acme', collector: url, idleTimeoutSeconds, touchOn: [] })
const auth = createAuthClient({ plugins: [lapseClientPlugin(lapse, { onEnded: showMessage })] })

function showMessage(ended: NonNullable<Outcome>): void {
  const message = document.querySelector('#message')
  if (!ended.pending && ended.reason === 'idle_timeout') message?.removeAttribute('hidden')
}

const user = new URLSearchParams(location.search).get('user')
if (location.pathname === '/sign-in' && user) {
  const credentials = { email: `${user}@example.com`, password: 'correct horse' }
  const { error } = await auth.signUp.email({ ...credentials, name: user })
  if (error) await auth.signIn.email(credentials)
  location.replace('/')
}

document.querySelector('[data-lapse-logout]')?.addEventListener('submit', async (event) => {
  event.preventDefault()
  await auth.signOut()
  location.assign('/login')
})
