import type { FeedPosition } from '../reading/feed.ts'

/** How far the rows have been sent to a destination. */
export interface ForwardState {
  readonly destination: string
  /** The receiver has confirmed all rows up to this position. */
  readonly position: FeedPosition
  /** When the position was last confirmed: about once a minute, even if there are no new rows. */
  readonly updatedAt: Date
  /** Since when the rows cannot be sent, and why. Null while they can. */
  readonly failingSince: Date | null
  readonly failure: string | null
}

/**
 * Stores how far the rows have been sent.
 *
 * @throws {StorageError} from every method when the database cannot be used.
 */
export interface ForwardRepository {
  /**
   * Runs `work` while no other process sends to the destination. After a crash, another process can do so about ten
   * seconds later.
   *
   * @param waitMs how long to wait for another process, in milliseconds.
   * @param work must stop when its signal is aborted: another process may send to the destination from then on.
   * @throws {LeaseHeldError} if another process still sends then.
   */
  runAlone<T>(destination: string, waitMs: number, work: (signal: AbortSignal) => Promise<T>): Promise<T>
  /** Returns the states of all destinations that have one. */
  list(): Promise<readonly ForwardState[]>
  /** Reads the position of a destination. A new destination is at the beginning of the feed. */
  readPosition(destination: string): Promise<FeedPosition>
  /**
   * Moves the position, and notes that the rows can be sent.
   *
   * @returns false if the position was not `from`: then somebody has moved it.
   */
  advance(destination: string, from: FeedPosition, to: FeedPosition): Promise<boolean>
  /** Notes that rows cannot be sent. */
  noteFailure(destination: string, failure: string): Promise<void>
  /** Sets the position of a destination, which may be new. A process that sends rows continues from there. */
  reset(destination: string, position: FeedPosition): Promise<void>
}
