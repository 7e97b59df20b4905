import type { Destination } from '../../config/prepareDestination.ts'
import { toError } from '../../domain/thrownError.ts'
import { createSender } from '../../forward/createSender.ts'
import { createForwarder } from '../../forward/forwarder.ts'
import { LeaseHeldError } from '../../store/database/lease.ts'
import type { Store } from '../../store/openStore.ts'

/** Longer than another process needs to stop, and longer than its lease remains after a crash. */
const waitMs = 15_000

/**
 * Sends the rows that exist to all destinations, at the same time.
 *
 * @throws after all have ended, if rows could not be sent to one of them.
 */
export async function forwardOnce(
  store: Pick<Store, 'feed' | 'feedSequencer' | 'forwards'>,
  destinations: readonly Destination[],
): Promise<void> {
  const interruption = new AbortController()
  const interrupt = () => interruption.abort()
  process.once('SIGINT', interrupt).once('SIGTERM', interrupt)
  // Rows have no position yet if no collector is running.
  await store.feedSequencer.numberRows(interruption.signal)
  const failures = await Promise.all(
    destinations.map(async (destination) => {
      try {
        const rows = await sendRows(store, destination, interruption.signal)
        process.stdout.write(`${destination.name}: ${rows} ${rows === 1 ? 'row' : 'rows'} sent.\n`)
        return []
      } catch (error) {
        return [`${destination.name}: ${describeFailure(error)}`]
      }
    }),
  )
  if (failures.flat().length > 0) throw new Error(failures.flat().join('\n'))
}

function describeFailure(error: unknown): string {
  // The message of this error names the lease.
  return error instanceof LeaseHeldError
    ? 'Another process, such as lapse serve, is sending the rows to this destination.'
    : toError(error).message
}

/** @returns the number of rows. */
async function sendRows(
  { feed, forwards }: Pick<Store, 'feed' | 'forwards'>,
  { name, selection, target }: Destination,
  interruption: AbortSignal,
): Promise<number> {
  let sent = 0
  const forwarder = createForwarder({
    destination: name,
    selection,
    sender: createSender(target),
    feed,
    positions: forwards,
    onDelivered(rows) {
      sent += rows
    },
  })
  await forwards.runAlone(name, waitMs, async (lost) => {
    await forwarder.run(AbortSignal.any([interruption, lost]))
    if (lost.aborted) throw new Error('The database did not answer in time. Run the command again.')
  })
  return sent
}
