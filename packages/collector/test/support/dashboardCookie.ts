/** Every path that a dashboard session can read. */
const readPaths = [
  '/v1/lapses',
  '/v1/lapses/1',
  '/v1/lapses?format=csv',
  '/v1/lapses?format=ndjson',
  '/v1/sessions',
  '/v1/summary',
  '/dashboard/live-sessions',
  '/metrics',
]

/** The HTTP statuses by path. */
type Statuses = Readonly<Record<string, number>>

export const allowedEverywhere: Statuses = Object.fromEntries(readPaths.map((path) => [path, 200]))
export const refusedEverywhere: Statuses = Object.fromEntries(readPaths.map((path) => [path, 401]))

/** Requests every path that a dashboard session can read. */
export async function requestReadPaths(
  url: string,
  cookie: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Statuses> {
  const statuses = await Promise.all(
    readPaths.map(async (path) => {
      const response = await fetch(`${url}${path}`, {
        // `/metrics` requires credentials from other addresses only.
        headers: { Cookie: cookie, 'X-Forwarded-For': '203.0.113.7', ...headers },
      })
      await response.arrayBuffer()
      return [path, response.status]
    }),
  )
  return Object.fromEntries(statuses)
}

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

export function postSignOut(url: string, cookie: string): Promise<Response> {
  return fetch(`${url}/dashboard/session`, { method: 'DELETE', headers: { Origin: url, Cookie: cookie } })
}

/** Returns the cookie that a response sets, as a `Cookie` header. */
export function readSetCookie(response: Response): string {
  return response.headers.get('set-cookie')?.split(';')[0] ?? ''
}
