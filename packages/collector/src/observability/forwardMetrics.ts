import { Counter, Gauge, type Registry } from 'prom-client'

/** The metrics about rows that are sent to other systems. */
export interface ForwardMetrics {
  /** Counts rows that a receiver has confirmed. */
  observeForwardedRows(destination: string, rows: number): void
  /** Counts a failed attempt to send rows. */
  observeForwardFailure(destination: string): void
  /** @param rows how many positions of the feed have not been sent yet. */
  setForwardLag(destination: string, rows: number): void
  /** @param at when a process last confirmed the position of the destination. Undefined if none has. */
  setForwardConfirmation(destination: string, at: Date | undefined): void
}

export function createForwardMetrics(registry: Registry): ForwardMetrics {
  const labelNames = ['destination']
  const registers = [registry]
  const rows = new Counter({
    name: 'lapse_forwarded_rows_total',
    help: 'Rows that a destination has confirmed. A row that was sent again counts again.',
    labelNames,
    registers,
  })
  const failures = new Counter({
    name: 'lapse_forward_failures_total',
    help: 'Failed attempts to send rows to a destination. The log says why.',
    labelNames,
    registers,
  })
  const lag = new Gauge({
    name: 'lapse_forward_lag_rows',
    help: 'Rows that a destination has not confirmed yet. Every replica reports the same number.',
    labelNames,
    registers,
  })
  const confirmed = new Gauge({
    name: 'lapse_forward_last_confirmed_timestamp_seconds',
    help: 'When the position of a destination was last confirmed, in Unix time. That is at least once a minute unless rows cannot be sent or no process sends them. Every replica reports the same time.',
    labelNames,
    registers,
  })
  return {
    observeForwardedRows: (destination, count) => rows.labels(destination).inc(count),
    observeForwardFailure: (destination) => failures.labels(destination).inc(),
    setForwardLag: (destination, count) => lag.labels(destination).set(count),
    setForwardConfirmation: (destination, at) =>
      confirmed.labels(destination).set(at === undefined ? 0 : at.getTime() / 1000),
  }
}
