import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import { type Alarm, alarmKinds } from '../domain/alarms/alarm.ts'
import type { RefusalKind } from '../domain/alarms/refusals.ts'
import type { SessionEnd } from '../domain/sessionEnd.ts'
import { createForwardMetrics, type ForwardMetrics } from './forwardMetrics.ts'

/** The metrics for operators. Names and units follow https://prometheus.io/docs/practices/naming/ */
export interface Metrics extends ForwardMetrics {
  readonly registry: Registry
  /**
   * Counts an answered request. `route` is the router's pattern, not the requested path, so that clients cannot create
   * time series.
   */
  observeRequest(route: string, method: string, status: number, seconds: number): void
  /** Counts a request whose forwarding headers were ignored, because its sender is not a trusted proxy. */
  observeIgnoredForwarding(): void
  observeVerdict(row: Pick<SessionEnd, 'site' | 'reason' | 'evidence'>, duplicate: boolean): void
  /** Counts a logout that was acknowledged without a row, or an end after which the session was still used. */
  observeUnrecordedEnd(verdict: Pick<SessionEnd, 'site' | 'detectedBy'>): void
  /** Counts activity reports that were confirmed. */
  observeActivity(site: string): void
  /** Counts rows that are missing in the rollup because they could not be counted. */
  observeSkippedRows(rows: number): void
  /** Counts a log line that could not be written. */
  observeDroppedLogLine(): void
  observeBatch(batch: { readonly size: number; readonly durationMs: number; readonly failure: unknown }): void
  /** Counts a timeout that the sweep recorded. */
  observeTimeout(row: Pick<SessionEnd, 'site' | 'reason' | 'expiredAt' | 'receivedAt'>): void
  observeSweep(sweep: { readonly durationMs: number; readonly failure: unknown }): void
  /** @param counts the number of live sessions by site. */
  setLiveSessions(counts: ReadonlyMap<string, number>): void
  /** Returns the counts of the last `setLiveSessions`. Empty until the sessions have been counted. */
  getLiveSessions(): ReadonlyMap<string, number>
  /** Counts a report that was refused because of its origin or its ticket. */
  observeRefusal(refusal: { readonly site: string; readonly kind: RefusalKind }): void
  setSites(sites: readonly MeasuredSite[], alarms: readonly Pick<Alarm, 'kind' | 'site'>[]): void
}

/** What the metrics say about a site. */
interface MeasuredSite {
  readonly name: string
  readonly silence: object | undefined
  readonly lastRowAt: Date | undefined
}

/** `lapse check` reads this metric. */
export const ignoredForwardingMetric = 'lapse_ignored_forwarding_total'

/** The methods of the endpoints. Node's parser accepts 30 more, such as `MKCALENDAR`. */
const methods = new Set(['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS'])

type GetWriter = () => { readonly waiting: number; readonly connections: number }

/** @param getWriter returns the writer, whose state is read with the metrics. */
export function createMetrics(getWriter: GetWriter): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })

  const requests = new Histogram({
    name: 'lapse_http_request_duration_seconds',
    help: 'Time from the start of a request to its response.',
    labelNames: ['route', 'method', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  })
  const ignoredForwarding = new Counter({
    name: ignoredForwardingMetric,
    help: 'Requests whose X-Forwarded-For or Forwarded was ignored, because they did not come from a network in trustProxy.',
    registers,
  })
  const skippedRows = new Counter({
    name: 'lapse_rollup_skipped_rows_total',
    help: 'Rows that are missing from summaries because they could not be counted. The log says why.',
    registers,
  })
  const droppedLogLines = new Counter({
    name: 'lapse_log_lines_dropped_total',
    help: 'Log lines that were dropped because standard output did not accept them.',
    registers,
  })
  const observeBatch = createWriterMetrics(registry, getWriter)

  return {
    registry,
    observeRequest: (route, method, status, seconds) =>
      requests.labels(route, methods.has(method) ? method : 'other', String(status)).observe(seconds),
    observeIgnoredForwarding: () => ignoredForwarding.inc(),
    ...createReportMetrics(registry),
    observeSkippedRows: (rows) => skippedRows.inc(rows),
    observeDroppedLogLine: () => droppedLogLines.inc(),
    observeBatch,
    ...createSweepMetrics(registry),
    ...createSiteMetrics(registry),
    ...createForwardMetrics(registry),
  }
}

type ReportMetrics = Pick<Metrics, 'observeVerdict' | 'observeUnrecordedEnd' | 'observeActivity'>

function createReportMetrics(registry: Registry): ReportMetrics {
  const registers = [registry]
  const verdicts = new Counter({
    name: 'lapse_verdicts_total',
    help: 'Reports whose session has a row. Duplicates wrote no row.',
    labelNames: ['site', 'reason', 'evidence', 'duplicate'],
    registers,
  })
  const unrecordedLogouts = new Counter({
    name: 'lapse_unrecorded_logouts_total',
    help: 'Logouts that browsers reported and the collector only acknowledged, without a row.',
    labelNames: ['site'],
    registers,
  })
  const refutedEnds = new Counter({
    name: 'lapse_refuted_ends_total',
    help: 'Ends that were reported and not recorded, because the session was still used afterwards.',
    labelNames: ['site'],
    registers,
  })
  const activityReports = new Counter({
    name: 'lapse_activity_reports_total',
    help: 'Reports that a session was used, each confirmed after its commit.',
    labelNames: ['site'],
    registers,
  })
  return {
    observeVerdict: ({ site, reason, evidence }, duplicate) =>
      verdicts.labels(site, reason, evidence, String(duplicate)).inc(),
    observeUnrecordedEnd: ({ site, detectedBy }) =>
      (detectedBy === 'logout' ? unrecordedLogouts : refutedEnds).labels(site).inc(),
    observeActivity: (site) => activityReports.labels(site).inc(),
  }
}

function createWriterMetrics(registry: Registry, getWriter: GetWriter): Metrics['observeBatch'] {
  const registers = [registry]
  const writes = new Histogram({
    name: 'lapse_write_duration_seconds',
    help: 'Time of one transaction that stores reports, including the commit. The outcome is committed or failed.',
    labelNames: ['outcome'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  })
  const sizes = new Histogram({
    name: 'lapse_write_batch_size',
    help: 'Reports in one transaction.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    registers,
  })
  new Gauge({
    name: 'lapse_write_queue_size',
    help: 'Reports that are waiting for the database. Above 10,000, further reports get the status 503.',
    registers,
    collect() {
      this.set(getWriter().waiting)
    },
  })
  new Gauge({
    name: 'lapse_database_connections',
    help: 'Open database connections of the writer.',
    registers,
    collect() {
      this.set(getWriter().connections)
    },
  })
  return ({ size, durationMs, failure }) => {
    writes.labels(failure === undefined ? 'committed' : 'failed').observe(durationMs / 1000)
    sizes.observe(size)
  }
}

type SweepMetrics = Pick<Metrics, 'observeTimeout' | 'observeSweep' | 'setLiveSessions' | 'getLiveSessions'>

function createSweepMetrics(registry: Registry): SweepMetrics {
  const registers = [registry]
  const liveSessions = new Gauge({
    name: 'lapse_live_sessions',
    help: 'Sessions that are in use or whose end is not known yet. Every replica reports the number of all of them.',
    labelNames: ['site'],
    registers,
  })
  const timeouts = new Counter({
    name: 'lapse_swept_sessions_total',
    help: 'Timeouts that the sweep of this replica recorded.',
    labelNames: ['site', 'reason'],
    registers,
  })
  const lateness = new Histogram({
    name: 'lapse_sweep_lateness_seconds',
    help: 'Time from the moment at which a session expired until the sweep recorded it. It includes the grace period and the heartbeat.',
    buckets: [1, 5, 15, 30, 60, 120, 300, 600, 900, 1800, 3600],
    registers,
  })
  const durations = new Histogram({
    name: 'lapse_sweep_duration_seconds',
    help: 'Time of one sweep, until nothing was due. The outcome is failed if timeouts could not be recorded, and otherwise completed.',
    labelNames: ['outcome'],
    buckets: [0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 120],
    registers,
  })
  let liveCounts: ReadonlyMap<string, number> = new Map()
  return {
    observeTimeout({ site, reason, expiredAt, receivedAt }) {
      timeouts.labels(site, reason).inc()
      if (expiredAt) lateness.observe((receivedAt.getTime() - expiredAt.getTime()) / 1000)
    },
    observeSweep: ({ durationMs, failure }) =>
      durations.labels(failure === undefined ? 'completed' : 'failed').observe(durationMs / 1000),
    setLiveSessions(counts) {
      // Sites that are no longer configured are missing from the counts after their last session has ended.
      liveSessions.reset()
      for (const [site, count] of counts) liveSessions.labels(site).set(count)
      liveCounts = counts
    },
    getLiveSessions: () => liveCounts,
  }
}

function createSiteMetrics(registry: Registry): Pick<Metrics, 'observeRefusal' | 'setSites'> {
  const registers = [registry]
  const refusals = new Counter({
    name: 'lapse_refused_reports_total',
    help: 'Reports that this replica refused because of their origin or their ticket.',
    labelNames: ['site', 'kind'],
    registers,
  })
  const silent = new Gauge({
    name: 'lapse_site_silent',
    help: '1 if nothing has come from the site for unusually long, otherwise 0. Every replica reports all sites.',
    labelNames: ['site'],
    registers,
  })
  const lastRows = new Gauge({
    name: 'lapse_site_last_row_timestamp_seconds',
    help: 'When the newest row of the site was detected, in Unix time. Sites without rows are missing.',
    labelNames: ['site'],
    registers,
  })
  const alarmCounts = new Gauge({
    name: 'lapse_alarms',
    help: 'The number of alarms. Every replica reports those of all sites.',
    labelNames: ['kind', 'site'],
    registers,
  })
  return {
    observeRefusal: ({ site, kind }) => refusals.labels(site, kind).inc(),
    setSites(sites, alarms) {
      lastRows.reset()
      for (const { name, silence, lastRowAt } of sites) {
        silent.labels(name).set(silence ? 1 : 0)
        if (lastRowAt) lastRows.labels(name).set(lastRowAt.getTime() / 1000)
        for (const kind of alarmKinds) alarmCounts.labels(kind, name).set(0)
      }
      for (const { kind, site } of alarms) alarmCounts.labels(kind, site).inc()
    },
  }
}
