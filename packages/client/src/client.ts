import type Cookies from 'js-cookie'
import type { LapseOptions } from './options.ts'

/** One site's client: what it was told, and what it knows. */
export interface Client extends LapseOptions {
  readonly touchOn: NonNullable<LapseOptions['touchOn']>
  readonly cookies: typeof Cookies
  /** The marker cookie's name. */
  readonly name: string
  /** How many days the marker lives. */
  readonly days: number
  /** What the outbox's keys begin with. */
  readonly prefix: string
  /** Where events are posted. */
  readonly url: string
  /** Aborted by `stop()`. */
  readonly signal: AbortSignal
  /** Told by the tag: the page came out of the browser's cache. */
  readonly persisted?: boolean
  /** Whether accesses count: the host has said that there is a session. */
  watching: boolean
  /** Runs while the outbox holds something. */
  timer?: ReturnType<typeof setTimeout>
  /** An access that is not written yet, epoch milliseconds, or 0. */
  accessAt: number
}

/** Tells the host what went wrong. */
export function tell({ onError }: Client, problem: string, cause?: unknown) {
  onError?.(new Error(`Lapse: ${problem}`, { cause }))
}

/** What a step gives, or nothing: the browser may refuse it, and what it reads may be anything. */
export function attempt<T>(step: () => T): T | undefined {
  try {
    return step()
  } catch {
    return undefined
  }
}
