/** What came back. The status is 0 if nothing did. */
export interface Answer {
  readonly status: number
  readonly retryAfter: string | null
  readonly body: Readonly<Record<string, unknown>>
}

/** Longer than the collector waits for its database. */
const timeoutMs = 15_000

/** Posts JSON. Does not throw if the connection fails. */
export async function postJson(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>>,
): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(timeoutMs),
    })
    const text = await response.text()
    return {
      status: response.status,
      retryAfter: response.headers.get('Retry-After'),
      body: text.startsWith('{') ? JSON.parse(text) : {},
    }
  } catch {
    return { status: 0, retryAfter: null, body: {} }
  }
}
