import { LapseServerError } from './errors.ts'
import type { ReportBody } from './reports.ts'

const warningIntervalMs = 60_000

/** Reports that the collector has committed. */
export interface SentReports {
  /** The endpoint that received them. */
  readonly endpoint: '/v1/activity' | '/v1/lapses'
  /** How many reports. */
  readonly count: number
  /** How long the request took. */
  readonly durationMs: number
}

/** Reports that will not be sent. */
export interface DroppedReports {
  /** Which of these errors it was: the queue was full, the collector refused them, or Lapse was closed. */
  readonly reason: 'queue_full' | 'refused' | 'closed'
  /** The reports, without `site` and `sentAt`, which are added when they are sent. */
  readonly reports: readonly ReportBody[]
  /** The same error that the event `error` gets. */
  readonly error: LapseServerError
}

/** The events of a {@link LapseServer}, with the arguments of their listeners. */
export interface LapseServerEvents {
  /** The collector has committed some reports. */
  reported: [SentReports]
  /** Some reports will not be sent. An `error` says why; while the queue stays full, once a minute. */
  dropped: [DroppedReports]
  /**
   * Something went wrong. Without a listener, the error becomes a process warning (`process.emitWarning`), once a minute
   * for each code.
   */
  error: [LapseServerError]
}

/** A listener. What it throws or rejects with becomes a process warning. */
export type Listener<Name extends keyof LapseServerEvents> = (...args: LapseServerEvents[Name]) => unknown

/** Emits events. A listener that throws does not affect the others. */
export class Events {
  readonly #listeners: { readonly [Name in keyof LapseServerEvents]: Set<Listener<Name>> } = {
    reported: new Set(),
    dropped: new Set(),
    error: new Set(),
  }

  /** When each code was last a process warning, by the monotonic clock. */
  readonly #warnedAt = new Map<string, number>()

  on<Name extends keyof LapseServerEvents>(name: Name, listener: Listener<Name>): void {
    this.#listeners[name]?.add(listener)
  }

  off<Name extends keyof LapseServerEvents>(name: Name, listener: Listener<Name>): void {
    this.#listeners[name]?.delete(listener)
  }

  emit<Name extends keyof LapseServerEvents>(name: Name, ...args: LapseServerEvents[Name]): void {
    const listeners = this.#listeners[name]
    const [error] = args
    if (listeners.size === 0 && error instanceof LapseServerError) this.#warn(error)
    for (const listener of listeners) {
      const warn = (cause: unknown) =>
        this.#warn(new LapseServerError('unexpected', `A listener of the event "${name}" failed.`, { cause }))
      try {
        Promise.resolve(listener(...args)).catch(warn)
      } catch (cause) {
        warn(cause)
      }
    }
  }

  #warn(error: LapseServerError): void {
    const now = performance.now()
    const lastAt = this.#warnedAt.get(error.code)
    if (lastAt !== undefined && now - lastAt < warningIntervalMs) return
    this.#warnedAt.set(error.code, now)
    process.emitWarning(error.message, { type: error.name, code: error.code })
  }
}
