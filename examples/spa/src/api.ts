import { redirect } from 'react-router'

/**
 * Calls the API. Without a session it throws the way to the login page, which the router follows from any loader or
 * action, a polling one too, without a page load.
 *
 * @throws an error for any other failure, which the router shows.
 */
export async function call<Answer>(
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: object,
): Promise<Answer> {
  const response = await fetch(`/api${path}`, {
    method,
    ...(body && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) }),
  })
  // Always read: an answer that is left unread is one that Lapse does not see in Chromium.
  const text = await response.text()
  if (response.status === 401) throw redirect('/login')
  if (!response.ok) throw new Error(`${method} ${path} was answered with ${response.status}: ${text}`)
  return text && JSON.parse(text)
}
