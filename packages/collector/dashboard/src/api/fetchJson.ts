/** A query parameter that the collector rejected. */
interface InvalidParameter {
  readonly parameter: string
  readonly detail: string
}

/** A failed request. The message is shown to the user. */
export class ApiError extends Error {
  /** The HTTP status, or 0 if the collector could not be reached. */
  readonly status: number
  readonly invalidParameters: readonly InvalidParameter[]

  constructor(status: number, message: string, invalidParameters: readonly InvalidParameter[] = []) {
    super(message)
    this.status = status
    this.invalidParameters = invalidParameters
  }

  /** Whether the same request may succeed later. */
  get isRetryable(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500
  }
}

interface RequestOptions {
  readonly method?: string
  readonly body?: object
  readonly signal?: AbortSignal
  /** Not caused by the user, so it does not extend the session. */
  readonly isBackground?: boolean
}

/**
 * Sends a request to the collector and returns the JSON of its response, or undefined for a 204.
 *
 * @throws {ApiError}
 */
export async function fetchJson<Data>(
  path: string,
  { method = 'GET', body, signal, isBackground }: RequestOptions = {},
): Promise<Data> {
  let response: Response
  try {
    response = await fetch(path, {
      method,
      headers: {
        Accept: 'application/json',
        ...(isBackground && { 'Lapse-Unattended': '1' }),
        ...(body && { 'Content-Type': 'application/json' }),
      },
      body: body ? JSON.stringify(body) : null,
      ...(signal && { signal }),
    })
  } catch (cause) {
    if (signal?.aborted) throw cause
    throw new ApiError(
      0,
      'Cannot reach the collector. Check your network connection and that the collector is running.',
    )
  }
  // The caller's type says whether a 204 is expected.
  if (response.status === 204) return undefined as Data
  const json = await response.json().catch(() => ({}))
  if (response.ok) return json
  throw new ApiError(
    response.status,
    json.detail ?? `The collector responded with HTTP status ${response.status}.`,
    json.errors,
  )
}
