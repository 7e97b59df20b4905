import { Suspense, use } from 'react'
import { Form, useLoaderData } from 'react-router'
import { formatDuration } from '../../../_shared/formatDuration.ts'
import { users } from '../../../_shared/users.ts'
import type { LoginData } from '../session.ts'

export function Login() {
  return (
    <main>
      <h1>Sign in</h1>
      <div role="status">
        <Suspense>
          <SignedOutMessage />
        </Suspense>
      </div>
      <Form method="post" className="users">
        {users.map(({ subject, role }) => (
          <button type="submit" key={subject} name="user" value={subject}>
            {role} <code>{subject}</code>
          </button>
        ))}
      </Form>
      <p>These are example users. They have no passwords.</p>
    </main>
  )
}

/** Appears as soon as the collector has answered that the session sat idle. */
function SignedOutMessage() {
  const verdict = use(useLoaderData<LoginData>().verdict)
  if (!verdict || verdict.pending || verdict.reason !== 'idle_timeout' || !verdict.idleTimeoutSeconds)
    return null
  return (
    <p className="message">
      You were signed out after {formatDuration(verdict.idleTimeoutSeconds)} without activity.
    </p>
  )
}
