import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { SessionEnd } from '../domain/sessionEnd.ts'

/** What an operator watches. Names and units follow https://prometheus.io/docs/practices/naming/ */
export interface Metrics {
  readonly registry: Registry
  /**
   * Counts an answered request. `route` is the router's pattern, never the path as it was sent, so that strangers
   * cannot make time series.
   */
  observeRequest(route: string, method: string, status: number, seconds: number): void
  observeVerdict(row: Pick<SessionEnd, 'site' | 'reason' | 'evidence'>, duplicate: boolean): void
  /** Counts rows that the rollup lacks, because they could not be counted. */
  observeSkippedRows(rows: number): void
  /** Counts a line of the log that could not be written. */
  observeDroppedLogLine(): void
  observeBatch(batch: { readonly size: number; readonly durationMs: number; readonly failure: unknown }): void
}

/** The methods that an endpoint takes. Node's parser knows 30 more, such as `MKCALENDAR`. */
const methods = new Set(['GET', 'HEAD', 'POST', 'DELETE', 'OPTIONS'])

/** @param writer tells how it stands whenever the metrics are read. */
export function createMetrics(
  writer: () => { readonly waiting: number; readonly connections: number },
): Metrics {
  const registry = new Registry()
  const registers = [registry]
  collectDefaultMetrics({ register: registry })

  const requests = new Histogram({
    name: 'lapse_http_request_duration_seconds',
    help: 'Time from a request to its answer.',
    labelNames: ['route', 'method', 'status'],
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  })
  const verdicts = new Counter({
    name: 'lapse_verdicts_total',
    help: 'Events that were answered with a verdict; duplicate ones made no row.',
    labelNames: ['site', 'reason', 'evidence', 'duplicate'],
    registers,
  })
  const skippedRows = new Counter({
    name: 'lapse_rollup_skipped_rows_total',
    help: 'Rows that summaries lack because they could not be rolled up.',
    registers,
  })
  const droppedLogLines = new Counter({
    name: 'lapse_log_lines_dropped_total',
    help: 'Lines of the log that were dropped because standard output did not take them.',
    registers,
  })
  const writes = new Histogram({
    name: 'lapse_write_duration_seconds',
    help: 'Time of one insert into the audit table, commit included.',
    labelNames: ['outcome'],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers,
  })
  const sizes = new Histogram({
    name: 'lapse_write_batch_size',
    help: 'Rows in one insert.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    registers,
  })
  new Gauge({
    name: 'lapse_write_queue_size',
    help: 'Events that wait for their answer.',
    registers,
    collect() {
      this.set(writer().waiting)
    },
  })
  new Gauge({
    name: 'lapse_database_connections',
    help: 'Connections that the writer has open.',
    registers,
    collect() {
      this.set(writer().connections)
    },
  })

  return {
    registry,
    observeRequest: (route, method, status, seconds) =>
      requests.labels(route, methods.has(method) ? method : 'other', String(status)).observe(seconds),
    observeVerdict: ({ site, reason, evidence }, duplicate) =>
      verdicts.labels(site, reason, evidence, String(duplicate)).inc(),
    observeSkippedRows: (rows) => skippedRows.inc(rows),
    observeDroppedLogLine: () => droppedLogLines.inc(),
    observeBatch({ size, durationMs, failure }) {
      writes.labels(failure === undefined ? 'committed' : 'failed').observe(durationMs / 1000)
      sizes.observe(size)
    },
  }
}
