import { useEffect, useRef, useState } from 'preact/hooks'
import { ask, type Problem, type Session } from './api.ts'
import { foundNoSession, signedIn, signedOut } from './audit.ts'
import { Dashboard } from './Dashboard.tsx'
import { ProblemNote } from './ProblemNote.tsx'
import { SignIn } from './SignIn.tsx'

type State =
  | { readonly is: 'asking' }
  | { readonly is: 'in'; readonly session: Session }
  /** `ended`: why a session has just ended, if one has. */
  | { readonly is: 'out'; readonly ended: string | null }
  | { readonly is: 'broken'; readonly problem: Problem }

const path = 'dashboard/session'
/** How soon a session that has ended takes what it showed from the screen. */
const checkEveryMs = 15_000

export function App() {
  const [state, setState] = useState<State>({ is: 'asking' })
  const isLeaving = useRef(false)

  const enter = (session: Session) => {
    isLeaving.current = false
    signedIn(session)
    setState({ is: 'in', session })
  }
  /** Hides all data immediately, then says why the session ended, or `otherwise` if no reason is found. */
  const leave = async (otherwise: string | null) => {
    // Several requests may be refused at once, but only the first one finds the reason.
    if (isLeaving.current) return
    isLeaving.current = true
    setState({ is: 'out', ended: null })
    const ended = (await foundNoSession()) ?? otherwise
    setState((last) => (last.is === 'out' ? { is: 'out', ended } : last))
  }
  const leaveUnasked = () => leave('Your session has ended.')
  const look = () =>
    ask<Session | undefined>(path).then(
      (session) => (session ? enter(session) : leave(null)),
      (problem: Problem) => setState({ is: 'broken', problem }),
    )
  const signOut = () =>
    ask(path, { method: 'DELETE' }).then(
      () => {
        isLeaving.current = true
        signedOut()
        setState({ is: 'out', ended: null })
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
        (session) => (session ? undefined : leaveUnasked()),
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
      return <main class="waiting">Loading…</main>
    case 'broken':
      return (
        <main class="sign-in">
          <ProblemNote problem={state.problem} retry={look} />
        </main>
      )
    case 'out':
      return <SignIn ended={state.ended} enter={enter} />
    case 'in':
      return <Dashboard session={state.session} signOut={signOut} leave={leaveUnasked} />
  }
}
