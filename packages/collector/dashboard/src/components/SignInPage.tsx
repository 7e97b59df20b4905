import { useEffect, useRef, useState } from 'preact/hooks'
import { ApiError, fetchJson } from '../api/fetchJson.ts'
import type { DashboardSession } from '../api/types.ts'
import { Logo } from './Logo.tsx'

interface Props {
  /** Why the user was signed out, if known. */
  readonly message: string | null
  readonly onSignIn: (session: DashboardSession) => void
}

export function SignInPage({ message, onSignIn }: Props) {
  const [token, setToken] = useState('')
  const [error, setError] = useState<string | null>(null)
  const [isSubmitting, setSubmitting] = useState(false)
  const field = useRef<HTMLInputElement>(null)
  // After a sign-out, the element that had the focus no longer exists.
  useEffect(() => field.current?.focus(), [])

  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    if (isSubmitting) return
    setSubmitting(true)
    setError(null)
    try {
      onSignIn(await fetchJson<DashboardSession>('dashboard/session', { method: 'POST', body: { token } }))
    } catch (cause) {
      setError(cause instanceof ApiError ? describeSignInError(cause) : String(cause))
      setSubmitting(false)
      field.current?.focus()
    }
  }

  return (
    <main class="centered-page">
      <form class="card" onSubmit={submit}>
        <Logo />
        <h1>Sign in</h1>
        {message !== null && (
          <p class="notice" role="status">
            {message}
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
          aria-invalid={error !== null}
          aria-describedby={error === null ? 'token-hint' : 'token-error'}
        />
        {error !== null && (
          <p id="token-error" class="field-error" role="alert">
            {error}
          </p>
        )}
        <button type="submit" class="primary-button" aria-disabled={isSubmitting}>
          {isSubmitting ? 'Signing in…' : 'Sign in'}
        </button>
        <p id="token-hint" class="muted">
          Use a token with the <code>read</code> scope. To create one, run{' '}
          <code>lapse token create --scope read</code>.
        </p>
      </form>
    </main>
  )
}

function describeSignInError({ status, message }: ApiError): string {
  if (status === 401) return 'Invalid token. It may be mistyped, expired or revoked.'
  if (status === 403) return 'This token does not have the “read” scope.'
  return message
}
