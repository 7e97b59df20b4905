import { redirect } from 'react-router'

/**
 * Calls the API. Without a session, it throws a redirect to the login page. The router follows the redirect from any
 * loader or action, also from one that polls, without a page load.
 *
 * @throws an error for any other failure. The router shows it.
 */
export async function callApi<Answer>(
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: object,
): Promise<Answer> {
  const response = await fetch(`/api${path}`, {
    method,
    ...(body && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  })
  // Always read the body: in Chromium, Lapse does not see a response whose body is never read.
  const text = await response.text()
  if (response.status === 401) throw redirect('/login')
  if (!response.ok) throw new Error(`${method} ${path} failed with status ${response.status}: ${text}`)
  return text && JSON.parse(text)
}
