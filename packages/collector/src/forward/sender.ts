import type { ListedSessionEnd } from '../reading/listedSessionEnd.ts'

type Rows = readonly ListedSessionEnd[]

/** Sends rows to one receiver. */
export interface Sender {
  /** How many rows to send at a time. */
  readonly batchSize: number
  /**
   * Sends rows. Those of one session arrive in this order. It never throws.
   *
   * @param rows at most `batchSize`, in the order of the feed.
   * @param signal when it is aborted, no further row is sent.
   */
  send(rows: Rows, signal: AbortSignal): Promise<SendResult>
}

export interface SendResult {
  /** The rows that the receiver has not confirmed, in the order of the feed. It may have received them. */
  readonly undelivered: Rows
  /** Why there are undelivered rows. Undefined if there are none, or if the signal was aborted. */
  readonly failure: DeliveryError | undefined
}

interface DeliveryErrorOptions {
  readonly code?: string | undefined
  readonly retryAfterMs?: number | undefined
}

/**
 * The receiver has not confirmed a row. The message is for operators. It contains no URL, no secret and nothing that
 * the receiver has sent.
 */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError'
  /** The code of the error of Node.js, such as `ECONNREFUSED`. */
  readonly code: string | undefined
  /** How long the receiver asks to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined

  constructor(message: string, { code, retryAfterMs }: DeliveryErrorOptions = {}) {
    super(message)
    this.code = code
    this.retryAfterMs = retryAfterMs
  }
}
