import { createServer, type Server } from 'node:http'
import { type AddressInfo, Server as NetServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { type Logger, pino } from 'pino'
import { dashboardSite, dashboardTicketKey } from './auth/dashboardSession.ts'
import { type Config, dashboardLimits } from './config/config.ts'
import { databaseFileWarning } from './config/exposedFiles.ts'
import { prepareTicketKeys } from './config/ticketKeys.ts'
import type { Site } from './domain/site.ts'
import type { TicketKey } from './domain/ticket.ts'
import { createApp } from './http/app.ts'
import { trackConnections } from './http/connections.ts'
import { answerMalformed, refuseTunnel } from './http/malformedRequests.ts'
import { startDailyPurge } from './jobs/purgeJob.ts'
import { startRollingUp } from './jobs/rollupJob.ts'
import { waitAtMost } from './lifecycle/waitAtMost.ts'
import { flushLog, openLogOutput } from './observability/logOutput.ts'
import { createMetrics } from './observability/metrics.ts'
import { serializeError } from './observability/serializeError.ts'
import { SchemaTooNewError } from './store/database/schema/schemaErrors.ts'
import { openStore, type Store } from './store/openStore.ts'
import { openWriter } from './store/openWriter.ts'

/** A running collector. */
export interface Collector {
  /** Where it listens, such as `http://127.0.0.1:4780`. */
  readonly url: string
  /** Answers what it has accepted, then ends. Takes at most some 10 seconds, whatever the database does. */
  close(): Promise<void>
}

/** How long connections that stay open hear `Connection: close`, before the port is given up and again after it. */
const drainMs = 250
/** How long answers that were begun may take to be read. An event has its answer after six seconds at the latest. */
const maxDrainMs = 9_000
/** How long all of it may take. By then, a job that waits for the database is left to itself. */
const maxCloseMs = 10_000

/**
 * Starts a collector. Embedded SQLite is migrated on the way; on MySQL and MariaDB `lapse migrate` does that, by an
 * account that may.
 *
 * @throws when the port is taken, the embedded database cannot be opened, or the database server has a setting by which
 * rows could be lost.
 * @example
 * const collector = await startCollector(loadConfig('lapse.config.json'))
 */
export async function startCollector(config: Config, logger?: Logger): Promise<Collector> {
  const metrics = createMetrics(() => writer)
  const log = (
    logger ?? pino({ level: config.logLevel }, openLogOutput(metrics.observeDroppedLogLine))
  ).child({}, { serializers: { err: serializeError } })
  const store = openStore(config.database, config.table)
  const writer = openWriter(config.database, config.table, metrics.observeBatch)
  try {
    for (const warning of await store.checkServer()) log.warn(warning)
    if (config.database.dialect === 'sqlite') await store.schema.migrate()
    else await checkSchema(store.schema, log)
    const warning = databaseFileWarning(config.database)
    if (warning !== undefined) log.warn(warning)
    const lifecycle = { isStopping: false }
    const app = createApp({
      settings: {
        ...config,
        sites: await prepareSites(config.sites, dashboardTicketKey(store.dashboardSessions.findByAlias)),
        dashboard: dashboardLimits(config.sites),
      },
      store,
      writer,
      metrics,
      log,
      lifecycle,
    })
    const server = createServer({
      requestTimeout: 10_000,
      headersTimeout: 5_000,
      connectionsCheckingInterval: 1_000,
      keepAliveTimeout: config.listen.keepAliveSeconds * 1000,
      // The application refuses a request without it, with a problem as for all others.
      requireHostHeader: false,
    })
    const connections = trackConnections(server, app.callback(), log)
    server.on('clientError', answerMalformed(log, connections))
    server.on('connect', refuseTunnel(connections))
    await listen(server, config.listen)
    const url = urlOf(server)
    log.info({ url, sites: Object.keys(config.sites) }, 'collector is listening')
    log.flush()
    const dailyPurge = startDailyPurge(config, store, log)
    const rollingUp = startRollingUp(store, log, metrics)

    async function close(): Promise<void> {
      const endsBy = performance.now() + maxCloseMs
      lifecycle.isStopping = true
      log.info('collector is stopping')
      const jobs = Promise.all([dailyPurge.stop(), rollingUp.stop()])
      await sleep(drainMs)
      // Only the port, first: `server.close()` would also end connections whose request is still on its way.
      const closed = new Promise((resolve) => NetServer.prototype.close.call(server, resolve))
      await sleep(drainMs)
      server.closeIdleConnections()
      const giveUp = setTimeout(() => server.closeAllConnections(), maxDrainMs)
      await closed
      clearTimeout(giveUp)
      const released = Promise.all([writer.close(), jobs.then(() => store.close())])
      if (await waitAtMost(endsBy - performance.now(), released)) log.info('collector has stopped')
      else
        log.warn(
          'collector has stopped without waiting for the database any longer: unfinished jobs are rolled back',
        )
      await flushLog(log)
    }

    let closing: Promise<void> | undefined
    return {
      url,
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

/** The collector starts without missing migrations, and `/readyz` fails until they have run. */
async function checkSchema(schema: Store['schema'], log: Logger): Promise<void> {
  try {
    await schema.assertCurrent()
  } catch (error) {
    if (error instanceof SchemaTooNewError || !(error instanceof Error)) throw error
    log.warn(error.message)
  }
}

async function prepareSites(sites: Config['sites'], dashboardKey: TicketKey): Promise<Record<string, Site>> {
  const entries = Object.entries(sites).map(async ([name, site]) => {
    const ticketKeys = await prepareTicketKeys(name, site.ticketKeys)
    if (name === dashboardSite) ticketKeys.push(dashboardKey)
    return [name, { ...site, ticketKeys }] as const
  })
  return Object.fromEntries(await Promise.all(entries))
}

function listen(server: Server, { host, port }: Config['listen']): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function urlOf(server: Server): string {
  // A server that listens to a host and a port has an address of this form.
  const { address, family, port } = server.address() as AddressInfo
  return `http://${family === 'IPv6' ? `[${address}]` : address}:${port}`
}
