import { createLapse, type LapseOptions } from '@lapse/client'
import { createAuthClient } from 'better-auth/client'

// A single-page application. Its view depends on the session alone, and its path on what the user does.
declare global {
  interface Window {
    lapseOptions: LapseOptions
    /** How often the session atom has shown the old data while it asked the server again. */
    staleUpdates: number
  }
}

const auth = createAuthClient()
const lapse = createLapse(window.lapseOptions)
const user = new URLSearchParams(location.search).get('user')
window.staleUpdates = 0

if (location.pathname === '/sign-in' && user) await signIn(user)
else watchSession()

function watchSession() {
  auth.useSession.subscribe(({ data, isPending, isRefetching }) => {
    if (data && isRefetching) window.staleUpdates += 1
    if (data) lapse.active({ subject: data.user.name, session: data.session.id })
    else if (!isPending) void lapse.absent()
    document.title = data ? 'Application' : 'Login'
  })
}

async function signIn(name: string) {
  const credentials = { email: `${name}@example.com`, password: 'correct horse' }
  const { error } = await auth.signUp.email({ ...credentials, name })
  if (error) await auth.signIn.email(credentials)
  location.replace('/')
}

document.querySelector('form')?.addEventListener('submit', async (event) => {
  event.preventDefault()
  void lapse.logout()
  await auth.signOut()
  location.assign('/login')
})
