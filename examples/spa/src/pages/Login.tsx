import { Suspense, use } from 'react'
import { Form, useLoaderData } from 'react-router'
import { inWords } from '../inWords.ts'
import type { LoginData } from '../session.ts'

const users = [
  { subject: 'u_1001', role: 'Accountant' },
  { subject: 'u_1002', role: 'Nurse' },
  { subject: 'u_1003', role: 'Engineer' },
]

export function Login() {
  return (
    <main>
      <h1>Sign in</h1>
      <div role="status">
        <Suspense>
          <SignedOut />
        </Suspense>
      </div>
      <Form method="post" className="users">
        {users.map(({ subject, role }) => (
          <button type="submit" key={subject} name="user" value={subject}>
            {role} <code>{subject}</code>
          </button>
        ))}
      </Form>
      <p>Example users, no password.</p>
    </main>
  )
}

/** Why the user is here, once the collector has said so. */
function SignedOut() {
  const { lapsed } = useLoaderData<LoginData>()
  const verdict = use(lapsed)
  if (!verdict || verdict.pending || verdict.reason !== 'idle_timeout' || !verdict.idleTimeoutSeconds)
    return null
  return (
    <p className="message">
      You were signed out after {inWords(verdict.idleTimeoutSeconds)} without activity.
    </p>
  )
}
