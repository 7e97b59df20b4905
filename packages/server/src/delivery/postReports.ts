import type { Settings } from '../options.ts'
import { describeCause, readLimitedText, readRetryAfterMs } from './response.ts'

/** What the collector said about the reports of a request. */
export type PostResult =
  /** It has read them. Those that it rejects are listed. */
  | { readonly outcome: 'accepted'; readonly rejected: readonly Rejection[] }
  /** The request itself is not acceptable. Sending it again would not help. */
  | { readonly outcome: 'refused'; readonly detail: string }
  /** The request can succeed later. */
  | { readonly outcome: 'failed'; readonly failure: Failure }

/** A report that the collector rejected, while it stored others. */
interface Rejection {
  readonly index: number
  readonly errors: readonly { readonly pointer: string; readonly detail: string }[]
}

/** Why a request can only succeed later. */
export interface Failure {
  /** `collector_refused`: somebody has to correct the configuration first. */
  readonly code: 'collector_unavailable' | 'collector_refused'
  readonly detail: string
  /** How long the collector asked to wait. */
  readonly retryAfterMs: number
  readonly cause?: unknown
}

const requestTimeoutMs = 10_000
const refusedStatuses = [400, 413, 415, 422]
const configurationStatuses = [401, 403, 404]
const maxDetailLength = 500

/**
 * Sends a request and reads the response to its end.
 *
 * @param count how many reports the array in the body has, or undefined if the body is one report.
 */
export async function postReports(
  { collector, token }: Settings,
  endpoint: string,
  body: string,
  count: number | undefined,
  abort: AbortSignal,
): Promise<PostResult> {
  try {
    const response = await fetch(`${collector}${endpoint}`, {
      method: 'POST',
      headers: { Authorization: `Bearer ${token}`, 'Content-Type': 'application/json' },
      body,
      // The token goes to the collector only.
      redirect: 'manual',
      signal: AbortSignal.any([abort, AbortSignal.timeout(requestTimeoutMs)]),
    })
    return readResponse(response, await readLimitedText(response), count, collector)
  } catch (cause) {
    return fail('collector_unavailable', `No response from ${collector}: ${describeCause(cause)}`, 0, cause)
  }
}

function readResponse(
  response: Response,
  text: string,
  count: number | undefined,
  collector: string,
): PostResult {
  const { ok, status, headers } = response
  const detail = `${collector} responded with ${status}: ${text.slice(0, maxDetailLength)}`
  if (ok) {
    const rejected = readRejections(parseJson(text), count)
    // A proxy can answer 200 too. Only the collector's own answer means that the reports are committed.
    return rejected ? { outcome: 'accepted', rejected } : fail('collector_unavailable', detail)
  }
  if (refusedStatuses.includes(status) && isProblem(response, text)) return { outcome: 'refused', detail }
  const code = configurationStatuses.includes(status) ? 'collector_refused' : 'collector_unavailable'
  return fail(code, detail, readRetryAfterMs(headers.get('retry-after')))
}

function fail(code: Failure['code'], detail: string, retryAfterMs = 0, cause?: unknown): PostResult {
  return { outcome: 'failed', failure: { code, detail, retryAfterMs, cause } }
}

/** Returns undefined if this is not the collector's answer to so many reports. */
function readRejections(answer: unknown, count: number | undefined): readonly Rejection[] | undefined {
  if (!isRecord(answer)) return undefined
  const { accepted, rejected, lapses } = answer
  if (count === undefined) return Array.isArray(lapses) ? [] : undefined
  if (!Array.isArray(rejected) || !rejected.every((each) => isRejection(each, count))) return undefined
  return accepted === count - rejected.length ? rejected : undefined
}

function isRejection(value: unknown, count: number): value is Rejection {
  if (!isRecord(value)) return false
  const { index, errors } = value
  const isIndex = Number.isInteger(index) && Number(index) >= 0 && Number(index) < count
  return isIndex && Array.isArray(errors) && errors.every(isFieldError)
}

function isFieldError(value: unknown): boolean {
  return isRecord(value) && typeof value.pointer === 'string' && typeof value.detail === 'string'
}

/** Returns whether the response is a problem of the collector (RFC 9457), and not that of a proxy in front of it. */
function isProblem({ headers }: Response, text: string): boolean {
  if (!headers.get('content-type')?.startsWith('application/problem+json')) return false
  const problem = parseJson(text)
  return isRecord(problem) && String(problem.type).startsWith('urn:lapse:problem:')
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
