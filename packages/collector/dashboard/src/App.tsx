import { useEffect, useState } from 'preact/hooks'
import { ask, type Problem, type Session } from './api.ts'
import { foundNoSession, signedIn, signedOut } from './audit.ts'
import { Dashboard } from './Dashboard.tsx'
import { ProblemNote } from './ProblemNote.tsx'
import { SignIn } from './SignIn.tsx'

type State =
  | { readonly is: 'asking' }
  | { readonly is: 'in'; readonly session: Session }
  /** `idleSeconds`: the limit by which a session has just ended, if one has. */
  | { readonly is: 'out'; readonly idleSeconds: number | null }
  | { readonly is: 'broken'; readonly problem: Problem }

const path = 'dashboard/session'
/** How soon a session that has ended takes what it showed from the screen. */
const checkEveryMs = 15_000

export function App() {
  const [state, setState] = useState<State>({ is: 'asking' })

  const enter = (session: Session) => {
    signedIn(session)
    setState({ is: 'in', session })
  }
  const leave = async () => {
    setState({ is: 'out', idleSeconds: null })
    const idleSeconds = await foundNoSession()
    if (idleSeconds !== null) setState({ is: 'out', idleSeconds })
  }
  const look = () =>
    ask<Session | undefined>(path).then(
      (session) => (session ? enter(session) : leave()),
      (problem: Problem) => setState({ is: 'broken', problem }),
    )
  const signOut = () =>
    ask(path, { method: 'DELETE' }).then(
      () => {
        signedOut()
        setState({ is: 'out', idleSeconds: null })
      },
      (problem) => setState({ is: 'broken', problem }),
    )

  useEffect(() => void look(), [])

  const isIn = state.is === 'in'
  useEffect(() => {
    if (!isIn) return
    const check = () => {
      if (document.hidden) return
      // Out of reach, it says nothing of the session.
      ask<Session | undefined>(path, { unattended: true }).then(
        (session) => (session ? undefined : leave()),
        () => {},
      )
    }
    const timer = setInterval(check, checkEveryMs)
    document.addEventListener('visibilitychange', check)
    return () => {
      clearInterval(timer)
      document.removeEventListener('visibilitychange', check)
    }
  }, [isIn])

  switch (state.is) {
    case 'asking':
      return <p class="waiting">Loading…</p>
    case 'broken':
      return (
        <main class="sign-in">
          <ProblemNote problem={state.problem} retry={look} />
        </main>
      )
    case 'out':
      return <SignIn idleSeconds={state.idleSeconds} enter={enter} />
    case 'in':
      return <Dashboard session={state.session} signOut={signOut} leave={leave} />
  }
}
