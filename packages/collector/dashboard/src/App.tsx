import { useEffect, useState } from 'preact/hooks'
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

  const enter = (session: Session) => {
    signedIn(session)
    setState({ is: 'in', session })
  }
  /** What was shown goes at once; the reason may take a while. `otherwise` is said where there is none to be found. */
  const leave = async (otherwise: string | null) => {
    setState((last) => (last.is === 'out' ? last : { is: 'out', ended: null }))
    const ended = await foundNoSession()
    setState((last) => {
      // Of two requests that were refused, the second one finds no reason any more.
      if (last.is !== 'out' || last.ended !== null) return last
      return { is: 'out', ended: ended ?? otherwise }
    })
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
      return <p class="waiting">Loading…</p>
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
