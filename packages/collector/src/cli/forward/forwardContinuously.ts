import { once } from 'node:events'
import type { Config } from '../../config/config.ts'
import type { Destination } from '../../config/prepareDestination.ts'
import { createFeedJob } from '../../jobs/feedJob.ts'
import { createForwardJob } from '../../jobs/forwardJob.ts'
import { startJobs } from '../../jobs/scheduler.ts'
import { createLog, flushLog } from '../../observability/logOutput.ts'
import { serializeError } from '../../observability/serializeError.ts'
import type { Store } from '../../store/openStore.ts'

// A process without an HTTP server has no metrics.
const metrics = { observeForwardedRows() {}, observeForwardFailure() {} }

/** Sends rows to all destinations until a signal stops it. A second signal ends the process immediately. */
export async function forwardContinuously(
  store: Pick<Store, 'feed' | 'feedSequencer' | 'forwards'>,
  destinations: readonly Destination[],
  settings: Pick<Config, 'logLevel' | 'logFormat'>,
): Promise<void> {
  const log = createLog(settings, () => {}).child({}, { serializers: { err: serializeError } })
  const jobs = startJobs(
    [
      // Rows get no position otherwise if no collector is running.
      createFeedJob(store, log),
      ...destinations.map((destination) => createForwardJob(destination, { store, metrics, log })),
    ],
    log,
  )
  log.info({ destinations: destinations.map(({ name }) => name) }, 'forwarding has started')
  await Promise.race([once(process, 'SIGTERM'), once(process, 'SIGINT'), once(process, 'SIGHUP')])
  log.info('forwarding is stopping')
  await jobs.stop()
  await flushLog(log)
}
