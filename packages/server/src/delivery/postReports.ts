import type { Settings } from '../options.ts'

/** Which reports of a request the collector has stored. */
export type PostResult =
  | { readonly outcome: 'stored'; readonly rejected: readonly Rejection[] }
  /** The reports themselves are not acceptable. Sending them again would not help. */
  | { readonly outcome: 'refused'; readonly detail: string }
  /** The request can succeed later. */
  | { readonly outcome: 'failed'; readonly failure: Failure }

/** A report that the collector refused, while it stored others. */
interface Rejection {
  readonly index: number
  readonly errors: readonly { readonly pointer: string; readonly detail: string }[]
}

/** Why a request can only succeed later. */
export interface Failure {
  /** `collector_refused`: somebody has to correct the configuration first. */
  readonly code: 'collector_unavailable' | 'collector_refused'
  readonly detail: string
  readonly retryAfterMs: number
  readonly cause?: unknown
}

const requestTimeoutMs = 10_000
const refusedStatuses = [400, 413, 415, 422]
const configurationStatuses = [401, 403, 404]
const maxDetailLength = 500

/** Sends a request and reads the response to its end. */
export async function postReports(
  { collector, token }: Settings,
  endpoint: string,
  body: string,
  abort: AbortSignal,
): Promise<PostResult> {
  let response: Response
  let text: string
  try {
    response = await fetch(`${collector}${endpoint}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body,
      // The token goes to the collector only.
      redirect: 'manual',
      signal: AbortSignal.any([abort, AbortSignal.timeout(requestTimeoutMs)]),
    })
    text = await response.text()
  } catch (cause) {
    const detail = `No response from ${collector}: ${describeCause(cause)}`
    return { outcome: 'failed', failure: { code: 'collector_unavailable', detail, retryAfterMs: 0, cause } }
  }
  return readResponse(response, text, collector)
}

function readResponse(response: Response, text: string, collector: string): PostResult {
  const { status, headers } = response
  if (response.ok) return { outcome: 'stored', rejected: readRejections(text) }
  const detail = `${collector} responded with ${status}: ${text.slice(0, maxDetailLength)}`
  if (refusedStatuses.includes(status)) return { outcome: 'refused', detail }
  const code = configurationStatuses.includes(status) ? 'collector_refused' : 'collector_unavailable'
  return {
    outcome: 'failed',
    failure: { code, detail, retryAfterMs: readRetryAfterMs(headers.get('retry-after')) },
  }
}

function readRejections(text: string): readonly Rejection[] {
  if (text === '') return []
  const { rejected }: { readonly rejected?: unknown } = parseObject(text)
  return Array.isArray(rejected) ? rejected.filter(isRejection) : []
}

function isRejection(value: unknown): value is Rejection {
  return (
    typeof value === 'object' &&
    value !== null &&
    'index' in value &&
    'errors' in value &&
    Array.isArray(value.errors)
  )
}

function parseObject(text: string): object {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : {}
  } catch {
    return {}
  }
}

/** Reads seconds or a date (RFC 9110, section 10.2.3). */
function readRetryAfterMs(header: string | null): number {
  if (header === null) return 0
  const delayMs = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - Date.now()
  return Math.max(0, delayMs || 0)
}

/** `fetch` throws "fetch failed"; the reason is in its cause. */
function describeCause(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (cause instanceof AggregateError && cause.errors.length > 0) return describeCause(cause.errors[0])
  return cause instanceof Error ? cause.message : error.message
}
