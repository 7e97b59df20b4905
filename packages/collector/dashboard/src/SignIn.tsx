import { useState } from 'preact/hooks'
import { ask, Problem, type Session } from './api.ts'
import { Logo } from './Logo.tsx'
import { asDuration } from './time.ts'

interface Props {
  readonly idleSeconds: number | null
  readonly enter: (session: Session) => void
}

export function SignIn({ idleSeconds, enter }: Props) {
  const [token, setToken] = useState('')
  const [problem, setProblem] = useState<string | null>(null)
  const [isBusy, setBusy] = useState(false)

  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    setBusy(true)
    setProblem(null)
    try {
      enter(await ask<Session>('dashboard/session', { method: 'POST', body: { token } }))
    } catch (failure) {
      setProblem(failure instanceof Problem ? wordsFor(failure) : String(failure))
      setBusy(false)
    }
  }

  return (
    <main class="sign-in">
      <form class="card" onSubmit={submit}>
        <Logo />
        <h1>Read the audit</h1>
        {idleSeconds !== null && (
          <p class="note" role="status">
            You were signed out after {asDuration(idleSeconds * 1000)} without activity.
          </p>
        )}
        <label for="token">Token</label>
        <input
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
        <button type="submit" class="primary" disabled={isBusy}>
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
