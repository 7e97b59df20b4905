import type { Logger } from 'pino'
import { createDashboardTicketKey, dashboardSite } from './auth/dashboardSession.ts'
import type { Config } from './config/config.ts'
import { getDashboardLimits } from './config/dashboardSite.ts'
import { describeExposedDatabaseFile } from './config/exposedFiles.ts'
import { prepareDestination } from './config/prepareDestination.ts'
import { prepareTicketKeys } from './config/ticketKeys.ts'
import type { Site } from './domain/site.ts'
import type { TicketKey } from './domain/ticket.ts'
import { createApp } from './http/app.ts'
import type { Dependencies } from './http/dependencies.ts'
import { startHttpServer } from './http/httpServer.ts'
import { createAlarmJob } from './jobs/alarmJob.ts'
import { createFeedJob } from './jobs/feedJob.ts'
import { createForwardJob } from './jobs/forwardJob.ts'
import { createForwardLagJob } from './jobs/forwardLagJob.ts'
import { createMarkJob, type MarkJob } from './jobs/markJob.ts'
import { createPurgeJob } from './jobs/purgeJob.ts'
import { createRefusalJob } from './jobs/refusalJob.ts'
import { createRollupJob } from './jobs/rollupJob.ts'
import { type Job, type Scheduler, startJobs } from './jobs/scheduler.ts'
import { createSweepJob } from './jobs/sweepJob.ts'
import { createDatabaseClock, type DatabaseClock } from './lifecycle/databaseClock.ts'
import { waitAtMost } from './lifecycle/waitAtMost.ts'
import { createLog, flushLog } from './observability/logOutput.ts'
import { createMetrics } from './observability/metrics.ts'
import { serializeError } from './observability/serializeError.ts'
import { createSiteMonitor } from './reading/siteMonitor.ts'
import { createRefusalCounter } from './recording/refusalCounter.ts'
import { createTicketVerifier } from './recording/ticketVerifier.ts'
import type { Refusal } from './recording/verifyReport.ts'
import { SchemaTooNewError } from './store/database/schema/schemaErrors.ts'
import { openStore, type Store } from './store/openStore.ts'
import { openWriter } from './store/openWriter.ts'

/** A running collector. */
export interface Collector {
  /** Where it listens, such as `http://127.0.0.1:4780`. */
  readonly url: string
  /** Answers the accepted requests and stops. Takes about 10 seconds at most, even if the database does not respond. */
  close(): Promise<void>
}

/** How long stopping may take. Jobs that still wait for the database are then abandoned. */
const maxCloseMs = 10_000
/** How long the start waits for the clock of the database. A collector also starts while its database is unavailable. */
const maxClockMs = 2_000

/**
 * Starts a collector. It migrates an embedded SQLite database. On MySQL and MariaDB, run `lapse migrate` first, with an
 * account that may create tables.
 *
 * @throws when the port is in use, the embedded database cannot be opened, or a setting of the database server could
 * lose rows.
 * @example
 * const collector = await startCollector(loadConfig('lapse.config.json'))
 */
export async function startCollector(config: Config, logger?: Logger): Promise<Collector> {
  const metrics = createMetrics(() => writer)
  const log = (logger ?? createLog(config, metrics.observeDroppedLogLine)).child(
    {},
    { serializers: { err: serializeError } },
  )
  const store = openStore(config.database, config.table)
  const writer = openWriter(config.database, config.table, metrics.observeBatch)
  try {
    await prepareDatabase(config, store, log)
    const lifecycle = { isStopping: false }
    const marking = await createMarking(config, store, log)
    const { clock, unstoredActivity } = marking
    const monitoring = createMonitoring(config, { store, metrics, clock, log })
    const parts = { store, writer, metrics, log, lifecycle, clock, unstoredActivity, ...monitoring }
    const app = await prepareApp(config, parts)
    const server = await startHttpServer(app.callback(), config.listen, log)
    log.info({ url: server.url, sites: Object.keys(config.sites) }, 'collector is listening')
    log.flush()
    marking.start()
    const jobs = startJobs([...createJobs(config, { ...parts, marks: marking.job }), ...monitoring.jobs], log)

    async function close(): Promise<void> {
      const endsBy = performance.now() + maxCloseMs
      lifecycle.isStopping = true
      log.info('collector is stopping')
      const jobsStopped = jobs.stop()
      await server.stop()
      const released = Promise.all([
        // Marks continue until the last report is stored.
        writer.close().then(() => marking.stop()),
        jobsStopped.then(() => monitoring.storeRefusals()),
      ]).then(() => store.close())
      if (await waitAtMost(endsBy - performance.now(), released)) log.info('collector has stopped')
      else log.warn('collector has stopped without waiting for the database: unfinished jobs are rolled back')
      await flushLog(log)
    }

    let closing: Promise<void> | undefined
    return {
      url: server.url,
      close() {
        closing ??= close()
        return closing
      },
    }
  } catch (error) {
    await writer.close()
    await store.close()
    await flushLog(log)
    throw error
  }
}

type JobParts = Pick<AppParts, 'store' | 'metrics' | 'clock' | 'log'> & { readonly marks: MarkJob }

function createJobs(config: Config, { store, marks, clock, metrics, log }: JobParts): Job[] {
  return [
    createSweepJob({ config, store, marks, clock, metrics, log }),
    createFeedJob(store, log),
    createRollupJob(store, log, metrics),
    ...(config.purge ? [createPurgeJob(config.purge.dailyAt, config.sites, store, log)] : []),
    ...createForwardJobs(config, { store, metrics, log }),
  ]
}

function createForwardJobs(
  { forward, forwardInServe }: Config,
  parts: Pick<JobParts, 'store' | 'metrics' | 'log'>,
): Job[] {
  const names = Object.keys(forward)
  if (names.length === 0) return []
  const sending = forwardInServe ? Object.entries(forward) : []
  return [
    ...sending.map(([name, settings]) => createForwardJob(prepareDestination(name, settings), parts)),
    createForwardLagJob(names, parts.store, parts.metrics),
  ]
}

type AppParts = Pick<
  Dependencies,
  'metrics' | 'log' | 'lifecycle' | 'writer' | 'clock' | 'unstoredActivity' | 'siteMonitor' | 'observeRefusal'
> & { readonly store: Store }

async function prepareApp(config: Config, parts: AppParts): Promise<ReturnType<typeof createApp>> {
  const dashboardKey = createDashboardTicketKey(parts.store.dashboardSessions.findByAlias)
  const sites = prepareSites(config.sites, dashboardKey)
  return createApp({
    ...parts,
    settings: { ...config, sites, dashboard: getDashboardLimits(config.sites) },
    verifyRepeatedTicket: createTicketVerifier(),
  })
}

/** Prepares the alarms, and the jobs that compute them and count refused reports. */
function createMonitoring(
  { sites }: Config,
  { store, metrics, clock, log }: Pick<AppParts, 'store' | 'metrics' | 'clock' | 'log'>,
) {
  const siteMonitor = createSiteMonitor({
    sites,
    quietSites: [dashboardSite],
    repository: store.sites,
    clock,
  })
  const counter = createRefusalCounter()
  const refusalJob = createRefusalJob({ store, counter, clock, log })
  return {
    siteMonitor,
    observeRefusal(refusal: Refusal): void {
      counter.count(refusal, clock.now())
      metrics.observeRefusal(refusal)
    },
    jobs: [createAlarmJob({ siteMonitor, store, metrics, log }), refusalJob],
    storeRefusals: () => refusalJob.storeCounts(),
  }
}

/** Prepares the marks of this collector, and the clock that they keep right. */
async function createMarking({ database }: Config, store: Store, log: Logger) {
  const unstoredActivity = { count: 0 }
  const databaseClock = createDatabaseClock()
  const job = createMarkJob({ store, clock: databaseClock, unstoredActivity, log })
  await synchronizeClock(databaseClock, store)
  let scheduler: Scheduler | undefined
  return {
    job,
    unstoredActivity,
    // Embedded SQLite has no other clock than this machine's.
    clock: database.dialect === 'sqlite' ? Date : databaseClock,
    /** Starts to mark this collector as running, which it must not do before it accepts reports. */
    start() {
      scheduler = startJobs([job], log)
    },
    async stop(): Promise<void> {
      await scheduler?.stop()
      await job.signOff()
    },
  }
}

/**
 * Reads the clock of the database, if that is available. Reports must not be accepted earlier: if this machine's clock is
 * wrong, their times would be wrong too.
 */
async function synchronizeClock(clock: DatabaseClock, { marks }: Pick<Store, 'marks'>): Promise<void> {
  const reading = marks
    .readClock()
    .then(({ databaseTime, readAt }) => clock.synchronize(databaseTime, readAt))
  // The marks report that the database is unavailable.
  await waitAtMost(
    maxClockMs,
    reading.catch(() => {}),
  )
}

async function prepareDatabase({ database }: Config, store: Store, log: Logger): Promise<void> {
  for (const warning of await store.checkServer()) log.warn(warning)
  if (database.dialect === 'sqlite') await store.schema.migrate()
  else await checkSchema(store.schema, log)
  const warning = describeExposedDatabaseFile(database)
  if (warning !== undefined) log.warn(warning)
}

/** The collector starts without missing migrations, and `/readyz` fails until they have run. */
async function checkSchema(schema: Store['schema'], log: Logger): Promise<void> {
  try {
    await schema.assertCurrent()
  } catch (error) {
    if (error instanceof SchemaTooNewError || !(error instanceof Error)) throw error
    log.warn(error.message)
  }
}

/** Adds the keys that verify tickets, those of the dashboard's own sessions included. */
function prepareSites(sites: Config['sites'], dashboardKey: TicketKey): Record<string, Site> {
  const entries = Object.entries(sites).map(([name, site]) => {
    const ticketKeys = prepareTicketKeys(name, site.ticketKeys)
    if (name === dashboardSite) ticketKeys.push(dashboardKey)
    return [name, { ...site, ticketKeys }] as const
  })
  return Object.fromEntries(entries)
}
