import { setTimeout as sleep } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Destination } from '../config/prepareDestination.ts'
import { minuteMs } from '../domain/durations.ts'
import { toError } from '../domain/thrownError.ts'
import { computeBackoffMs } from '../forward/computeBackoff.ts'
import { createSender } from '../forward/createSender.ts'
import { createForwarder } from '../forward/forwarder.ts'
import { DeliveryError } from '../forward/sender.ts'
import type { Metrics } from '../observability/metrics.ts'
import { LeaseHeldError } from '../store/database/lease.ts'
import type { Store } from '../store/openStore.ts'
import type { Job } from './scheduler.ts'

interface ForwardJobOptions {
  readonly store: Pick<Store, 'feed' | 'forwards'>
  readonly metrics: Pick<Metrics, 'observeForwardedRows' | 'observeForwardFailure'>
  readonly log: Logger
}

/** How often a process looks whether it can take over a destination. */
const takeOverMs = 2_000
/** How often the sender looks for new rows. */
const pollMs = 1_000

/** Sends rows to a destination as long as it runs, while no other process does. */
export function createForwardJob(
  { name, selection, target }: Destination,
  { store, metrics, log: parentLog }: ForwardJobOptions,
): Job {
  const log = parentLog.child({ destination: name })
  const logFailure = createFailureLogger(log)
  const sender = createSender(target)
  let isWaiting = false

  async function sendRows(signal: AbortSignal): Promise<void> {
    const forwarder = createForwarder({
      destination: name,
      selection,
      sender,
      feed: store.feed,
      positions: store.forwards,
      onDelivered: (rows) => metrics.observeForwardedRows(name, rows),
    })
    let failures = 0
    while (!signal.aborted) {
      let waitMs = pollMs
      try {
        await forwarder.run(signal)
        failures = 0
        logFailure(undefined)
      } catch (thrown) {
        failures++
        const error = toError(thrown)
        waitMs = computeBackoffMs(failures, error instanceof DeliveryError ? error.retryAfterMs : 0)
        metrics.observeForwardFailure(name)
        logFailure(error)
        // If the database is unavailable, this fails too, and that is logged already.
        await store.forwards.noteFailure(name, error.message).catch(() => {})
      }
      // Stopping aborts the wait.
      await sleep(waitMs, undefined, { signal }).catch(() => {})
    }
  }

  return {
    name: `forward ${name}`,
    schedule: { everyMs: takeOverMs },
    async run(signal) {
      try {
        await store.forwards.runAlone(name, 0, (lost) => {
          isWaiting = false
          log.info('rows are sent to this destination')
          return sendRows(AbortSignal.any([signal, lost]))
        })
      } catch (error) {
        if (error instanceof LeaseHeldError) {
          // Logged once: it is tried every two seconds.
          if (!isWaiting) log.info('another process sends rows to this destination: waiting to take over')
          isWaiting = true
          return
        }
        metrics.observeForwardFailure(name)
        logFailure(toError(error))
      }
    },
  }
}

/** How often the log repeats that rows cannot be sent. */
const logIntervalMs = 10 * minuteMs

/** Logs the first of several failures, repeats it from time to time, and logs when there are none any more. */
function createFailureLogger(log: Logger): (error: Error | undefined) => void {
  let loggedAt: number | undefined
  return (error) => {
    if (error === undefined) {
      if (loggedAt !== undefined) log.info('rows can be sent to this destination again')
      loggedAt = undefined
    } else if (loggedAt === undefined || performance.now() - loggedAt > logIntervalMs) {
      log.error({ err: error }, 'rows could not be sent to this destination: trying again until it succeeds')
      loggedAt = performance.now()
    }
  }
}
