import { useEffect, useRef, useState } from 'preact/hooks'
import { ask, Problem, type Session } from '../api/fetchJson.ts'
import { Logo } from './Logo.tsx'

interface Props {
  /** Why a session has just ended, if one has. */
  readonly ended: string | null
  readonly enter: (session: Session) => void
}

export function SignIn({ ended, enter }: Props) {
  const [token, setToken] = useState('')
  const [problem, setProblem] = useState<string | null>(null)
  const [isBusy, setBusy] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  // Whatever had the focus is gone: after a sign-out, or when a session has ended.
  useEffect(() => field.current?.focus(), [])

  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    if (isBusy) return
    setBusy(true)
    setProblem(null)
    try {
      enter(await ask<Session>('dashboard/session', { method: 'POST', body: { token } }))
    } catch (failure) {
      setProblem(failure instanceof Problem ? wordsFor(failure) : String(failure))
      setBusy(false)
      field.current?.focus()
    }
  }

  return (
    <main class="sign-in">
      <form class="card" onSubmit={submit}>
        <Logo />
        <h1>Read the audit</h1>
        {ended !== null && (
          <p class="note" role="status">
            {ended}
          </p>
        )}
        <label for="token">Token</label>
        <input
          ref={field}
          id="token"
          type="password"
          required
          autocomplete="off"
          spellcheck={false}
          value={token}
          onInput={({ currentTarget }) => setToken(currentTarget.value)}
          aria-invalid={problem !== null}
          aria-describedby={problem === null ? 'token-hint' : 'token-problem'}
        />
        {problem !== null && (
          <p id="token-problem" class="field-problem" role="alert">
            {problem}
          </p>
        )}
        <button type="submit" class="primary" aria-disabled={isBusy}>
          {isBusy ? 'Signing in…' : 'Sign in'}
        </button>
        <p id="token-hint" class="quiet">
          Any token with the scope <code>read</code>. Make one with{' '}
          <code>lapse token create --scope read</code>.
        </p>
      </form>
    </main>
  )
}

function wordsFor({ status, message }: Problem): string {
  if (status === 401) return 'This token is not good: it is mistyped, revoked or expired.'
  if (status === 403) return 'This token may not read the audit. It needs the scope “read”.'
  return message
}
