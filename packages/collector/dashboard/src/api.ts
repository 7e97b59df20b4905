import type { SessionEndJson } from '../../src/domain/sessionEnd.ts'
import type { Reason } from '../../src/domain/verdict.ts'
import type { PastLimit } from '../../src/reading/pastLimit.ts'

/** A row of the audit table, as the collector sends it. */
export type Row = SessionEndJson

export interface RowsPage {
  readonly lapses: readonly Row[]
  readonly next: string | null
}

export interface Bucket {
  readonly start: string
  readonly counts: Readonly<Partial<Record<Reason, number>>>
}

export interface Summary {
  readonly bucket: 'hour' | 'day'
  readonly from: string
  readonly to: string
  readonly buckets: readonly Bucket[]
  readonly pastLimit: PastLimit
}

/** Who is signed in. */
export interface Session {
  readonly token: { readonly id: string; readonly name: string | null }
  readonly session: string
  readonly ticket: string
  readonly idleTimeoutSeconds: number
  readonly sites: readonly string[]
}

/** A parameter that the collector does not take. */
interface Fault {
  readonly parameter: string
  readonly detail: string
}

/** Why there is no answer, in words for the reader. `status` is 0 where the collector was not reached. */
export class Problem extends Error {
  readonly status: number
  readonly faults: readonly Fault[]
  constructor(status: number, message: string, faults: readonly Fault[] = []) {
    super(message)
    this.status = status
    this.faults = faults
  }

  /** Whether the same may be answered later: not where it is the request that is wrong. */
  get isPassing(): boolean {
    return this.status === 0 || this.status === 429 || this.status >= 500
  }
}

interface Ask {
  readonly method?: string
  readonly body?: object
  readonly signal?: AbortSignal
  /** Asked for by no person: does not keep the session alive. */
  readonly unattended?: boolean
}

/**
 * Asks the collector.
 *
 * @throws {Problem}
 */
export async function ask<Answer>(
  path: string,
  { method = 'GET', body, signal, unattended }: Ask = {},
): Promise<Answer> {
  let response: Response
  try {
    response = await fetch(path, {
      method,
      headers: {
        Accept: 'application/json',
        ...(unattended && { 'Lapse-Unattended': '1' }),
        ...(body && { 'Content-Type': 'application/json' }),
      },
      body: body ? JSON.stringify(body) : null,
      ...(signal && { signal }),
    })
  } catch (cause) {
    if (signal?.aborted) throw cause
    throw new Problem(0, 'The collector cannot be reached. Check the network, and that the collector runs.')
  }
  if (response.status === 204) return undefined as Answer
  const answer = await response.json().catch(() => ({}))
  if (response.ok) return answer
  throw new Problem(
    response.status,
    answer.detail ?? `The collector answered with ${response.status}.`,
    answer.errors,
  )
}
