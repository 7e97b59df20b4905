import type { Logger } from 'pino'
import type { Config } from '../config/config.ts'
import { PurgeIncompleteError } from '../store/audit/purge.ts'
import { LeaseHeldError } from '../store/database/lease.ts'
import type { Store } from '../store/openStore.ts'
import { computeRetentionCutoffs } from './retention.ts'
import type { Job } from './scheduler.ts'

/** Deletes expired rows once a day. If several replicas try at the same time, one of them does it. */
export function createPurgeJob(
  dailyAt: string,
  sites: Config['sites'],
  store: Pick<Store, 'retention'>,
  log: Logger,
): Job {
  return {
    name: 'purge',
    schedule: { dailyAt },
    async run(signal) {
      try {
        const now = new Date()
        await store.retention.assertClockIsPlausible(now)
        const deleted = await store.retention.purge(computeRetentionCutoffs(now, sites), { signal })
        log.info({ deleted }, 'deleted expired rows')
      } catch (error) {
        logFailure(error, log)
      }
    },
  }
}

function logFailure(error: unknown, log: Logger): void {
  if (error instanceof LeaseHeldError) {
    log.info('another process is deleting expired rows')
  } else if (error instanceof PurgeIncompleteError) {
    for (const failure of error.failures)
      log.error(
        { err: failure.error, site: failure.site, deleted: error.deleted },
        'some expired rows of a site could not be deleted',
      )
  } else {
    log.error({ err: error }, 'expired rows could not be deleted')
  }
}
