import { useEffect, useRef, useState } from 'preact/hooks'
import { type ApiError, fetchJson } from './api/fetchJson.ts'
import type { DashboardSession } from './api/types.ts'
import { ErrorNotice } from './components/ErrorNotice.tsx'
import { SignInPage } from './components/SignInPage.tsx'
import { Dashboard } from './Dashboard.tsx'
import { recordSignIn, recordSignOut, reportMissingSession } from './state/selfAudit.ts'

type State =
  | { readonly status: 'loading' }
  | { readonly status: 'signedIn'; readonly session: DashboardSession }
  /** `message` says why the session has ended, if one has. */
  | { readonly status: 'signedOut'; readonly message: string | null }
  | { readonly status: 'failed'; readonly error: ApiError }

const sessionPath = 'dashboard/session'
/** Limits how long data stays on the screen after the session has ended. */
const sessionCheckIntervalMs = 15_000

export function App() {
  const [state, setState] = useState<State>({ status: 'loading' })
  const isSignedOut = useRef(false)

  const startSession = (session: DashboardSession) => {
    isSignedOut.current = false
    recordSignIn(session)
    setState({ status: 'signedIn', session })
  }
  /** Hides the data at once, and shows the message when the reason is known. */
  const endSession = async (defaultMessage: string | null) => {
    // Several requests may fail at once, but only the first call finds the reason.
    if (isSignedOut.current) return
    isSignedOut.current = true
    setState({ status: 'signedOut', message: null })
    const message = (await reportMissingSession()) ?? defaultMessage
    setState((last) => (last.status === 'signedOut' ? { status: 'signedOut', message } : last))
  }
  const onSignedOut = () => endSession('Your session has ended.')
  const loadSession = () =>
    fetchJson<DashboardSession | undefined>(sessionPath).then(
      (session) => (session ? startSession(session) : endSession(null)),
      (error: ApiError) => setState({ status: 'failed', error }),
    )
  const signOut = () =>
    fetchJson(sessionPath, { method: 'DELETE' }).then(
      () => {
        isSignedOut.current = true
        recordSignOut()
        setState({ status: 'signedOut', message: null })
      },
      (error: ApiError) => setState({ status: 'failed', error }),
    )

  useEffect(() => void loadSession(), [])

  const isSignedIn = state.status === 'signedIn'
  useEffect(() => {
    if (!isSignedIn) return
    const checkSession = () => {
      if (document.hidden) return
      fetchJson<DashboardSession | undefined>(sessionPath, { isBackground: true }).then(
        (session) => (session ? undefined : onSignedOut()),
        // An unreachable collector does not mean that the session has ended.
        () => {},
      )
    }
    const timer = setInterval(checkSession, sessionCheckIntervalMs)
    document.addEventListener('visibilitychange', checkSession)
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', checkSession)
    }
  }, [isSignedIn])

  switch (state.status) {
    case 'loading':
      return <main class="loading">Loading…</main>
    case 'failed':
      return (
        <main class="centered-page">
          <ErrorNotice error={state.error} retry={loadSession} />
        </main>
      )
    case 'signedOut':
      return <SignInPage message={state.message} onSignIn={startSession} />
    case 'signedIn':
      return <Dashboard session={state.session} signOut={signOut} onSignedOut={onSignedOut} />
  }
}
