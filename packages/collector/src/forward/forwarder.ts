import { minuteMs } from '../domain/durations.ts'
import type { FeedPage, FeedPosition, FeedRepository } from '../reading/feed.ts'
import type { SessionEndSelection } from '../reading/filter.ts'
import type { ForwardRepository } from './forwardRepository.ts'
import type { Sender } from './sender.ts'

interface ForwarderOptions {
  readonly destination: string
  readonly selection: SessionEndSelection
  readonly sender: Sender
  readonly feed: Pick<FeedRepository, 'read'>
  readonly positions: Pick<ForwardRepository, 'readPosition' | 'advance'>
  /** Called when the receiver has confirmed rows. */
  readonly onDelivered: (rows: number) => void
}

/** Sends the rows of the feed to one destination. */
export interface Forwarder {
  /**
   * Sends rows until the end of the feed, or until the signal is aborted. If it throws, the next call continues with what
   * the receiver has not confirmed, or at the stored position if that was reset.
   *
   * @throws {DeliveryError} if the receiver has not confirmed a row.
   * @throws {StorageError} when the database cannot be used.
   * @throws {LapseError} `position-unknown` if the feed ends before the position.
   */
  run(signal: AbortSignal): Promise<void>
}

/** The stored position is confirmed this often. */
const confirmMs = minuteMs

/** A page of the feed, of which the rows are still to be sent. */
type Batch = FeedPage & { readonly after: FeedPosition }

export function createForwarder(options: ForwarderOptions): Forwarder {
  const { destination, selection, sender, feed, positions, onDelivered } = options
  let position: FeedPosition | undefined
  let batch: Batch | undefined
  let savedAt = Number.NEGATIVE_INFINITY

  async function readBatch(): Promise<Batch> {
    const after = position ?? (await positions.readPosition(destination))
    // If the feed cannot be read there, the position is read again: somebody may reset it.
    position = undefined
    const page = await feed.read(selection, { after, limit: sender.batchSize })
    position = after
    return { after, ...page }
  }

  /** Drops the rows that a failure has left if somebody has reset the position since. */
  async function checkBatch(): Promise<void> {
    if (!batch || (await positions.readPosition(destination)) === batch.after) return
    batch = undefined
    position = undefined
  }

  /** @returns whether all rows were sent. */
  async function sendBatch({ rows }: Batch, signal: AbortSignal): Promise<boolean> {
    if (rows.length === 0) return true
    const { undelivered, failure } = await sender.send(rows, signal)
    batch = batch && { ...batch, rows: undelivered }
    if (undelivered.length < rows.length) onDelivered(rows.length - undelivered.length)
    if (failure) throw failure
    return undelivered.length === 0
  }

  async function savePosition({ after, next }: Batch): Promise<void> {
    if (next === after && performance.now() - savedAt < confirmMs) return
    const isSaved = await positions.advance(destination, after, next)
    // Somebody has reset the position: continue from there.
    position = isSaved ? next : undefined
    savedAt = performance.now()
  }

  return {
    async run(signal) {
      await checkBatch()
      while (!signal.aborted) {
        batch ??= await readBatch()
        const { isAtEnd } = batch
        if (!(await sendBatch(batch, signal))) return
        await savePosition(batch)
        batch = undefined
        if (isAtEnd && position !== undefined) return
      }
    },
  }
}
