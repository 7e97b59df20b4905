/** Everything that a session of the dashboard can read. */
export const readPaths = [
  '/v1/lapses',
  '/v1/lapses/1',
  '/v1/lapses?format=csv',
  '/v1/lapses?format=ndjson',
  '/v1/summary',
  '/metrics',
]

/** Signs in as the dashboard does. */
export function postSignIn(
  url: string,
  token: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Response> {
  return fetch(`${url}/dashboard/session`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Origin: url, ...headers },
    body: JSON.stringify({ token }),
  })
}

export function signOutWith(url: string, cookie: string): Promise<Response> {
  return fetch(`${url}/dashboard/session`, { method: 'DELETE', headers: { Origin: url, Cookie: cookie } })
}

/** The cookie that a response sets, as a request sends it. */
export function cookieOf(response: Response): string {
  return response.headers.get('set-cookie')?.split(';')[0] ?? ''
}
