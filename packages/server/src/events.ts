import { LapseServerError } from './errors.ts'
import type { QueuedReport } from './reports.ts'

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
  /** The bodies of the reports, as the collector would have received them. */
  readonly reports: readonly QueuedReport['body'][]
  /** The same error that the event `error` gets. */
  readonly error: LapseServerError
}

/** The events of a {@link LapseServer}, with the arguments of their listeners. */
export interface LapseServerEvents {
  /** The collector has committed some reports. */
  reported: [SentReports]
  /** Some reports will not be sent. An `error` with the same cause follows. */
  dropped: [DroppedReports]
  /** Something went wrong. Without a listener, the error becomes a process warning (`process.emitWarning`). */
  error: [LapseServerError]
}

type Listener<Name extends keyof LapseServerEvents> = (...args: LapseServerEvents[Name]) => void

/** Emits events. A listener that throws disturbs nobody. */
export class Events {
  readonly #listeners: { readonly [Name in keyof LapseServerEvents]: Set<Listener<Name>> } = {
    reported: new Set(),
    dropped: new Set(),
    error: new Set(),
  }

  on<Name extends keyof LapseServerEvents>(name: Name, listener: Listener<Name>): void {
    this.#listeners[name].add(listener)
  }

  off<Name extends keyof LapseServerEvents>(name: Name, listener: Listener<Name>): void {
    this.#listeners[name].delete(listener)
  }

  emit<Name extends keyof LapseServerEvents>(name: Name, ...args: LapseServerEvents[Name]): void {
    const listeners = this.#listeners[name]
    const [error] = args
    if (listeners.size === 0 && error instanceof LapseServerError) warn(error)
    for (const listener of listeners) {
      try {
        listener(...args)
      } catch (cause) {
        const message = `A listener of the event "${name}" threw an exception.`
        warn(new LapseServerError('unexpected', message, { cause }))
      }
    }
  }
}

function warn(error: LapseServerError): void {
  process.emitWarning(error.message, { type: error.name, code: error.code })
}
