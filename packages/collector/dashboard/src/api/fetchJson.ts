import { compareClocks } from './collectorClock.ts'

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

/** The collector itself gives up after 30 seconds, even for a summary. */
const requestTimeoutMs = 40_000

/**
 * Sends a request to the collector and returns the JSON of its response, or undefined for a 204.
 *
 * @throws {ApiError}
 */
export async function fetchJson<Data>(
  path: string,
  { method = 'GET', body, signal, isBackground }: RequestOptions = {},
): Promise<Data> {
  const timeout = new AbortController()
  const timer = setTimeout(() => timeout.abort(), requestTimeoutMs)
  try {
    const response = await fetch(path, {
      method,
      headers: {
        Accept: 'application/json',
        ...(isBackground && { 'Lapse-Unattended': '1' }),
        ...(body && { 'Content-Type': 'application/json' }),
      },
      body: body ? JSON.stringify(body) : null,
      signal: signal ? AbortSignal.any([signal, timeout.signal]) : timeout.signal,
    })
    compareClocks(response)
    return await readResponse(response, timeout.signal)
  } catch (cause) {
    if (signal?.aborted || cause instanceof ApiError) throw cause
    if (timeout.signal.aborted)
      throw new ApiError(0, `The collector did not respond within ${requestTimeoutMs / 1000} seconds.`)
    throw new ApiError(
      0,
      'Cannot reach the collector. Check your network connection and that the collector is running.',
    )
  } finally {
    clearTimeout(timer)
  }
}

async function readResponse<Data>(response: Response, timeout: AbortSignal): Promise<Data> {
  // The caller's type says whether a 204 is expected.
  if (response.status === 204) return undefined as Data
  const json = await response.json().catch((cause) => {
    if (timeout.aborted) throw cause
    return {}
  })
  if (response.ok) return json
  throw new ApiError(
    response.status,
    json.detail ?? `The collector responded with HTTP status ${response.status}.`,
    json.errors,
  )
}
