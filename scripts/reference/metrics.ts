import { createMetrics } from '../../packages/collector/src/observability/metrics.ts'
import { formatCode, formatTable, joinParts } from './markdown.ts'
import { requireDescription } from './missingDescriptions.ts'
import type { Page } from './page.ts'

/** The reference of the metrics, from the registry that answers `GET /metrics`. */
export function createMetricsPage(): Page {
  const { registry } = createMetrics(() => ({ waiting: 0, connections: 0 }))
  const metrics = registry.getMetricsAsArray().filter(({ name }) => name.startsWith('lapse_'))
  const rows = metrics.map((metric) => [
    formatCode(metric.name),
    // The type is a string, although prom-client declares a numeric enum.
    String(metric.type),
    getLabels(metric).map(formatCode).join(', ') || 'none',
    requireDescription(metric.help, `metric ${metric.name}`),
  ])
  registry.clear()
  return {
    file: 'metrics.md',
    title: 'Metrics',
    summary: 'Every Prometheus metric of the collector, with its type and labels.',
    body: joinParts(
      '[`GET /metrics`](http-api.md#get-metrics) returns these metrics in the text format of Prometheus:',
      formatTable(['Metric', 'Type', 'Labels', 'Description'], rows),
      'Durations are in seconds. The response also has the metrics of Node.js, whose names start with `process_` and `nodejs_`. With a token for one site, it has the samples of that site and those without a site.',
      'The [guide to operations](../guides/operations.md#alerts) shows which of them to alert on.',
    ),
  }
}

function getLabels(metric: object): string[] {
  return 'labelNames' in metric && Array.isArray(metric.labelNames) ? metric.labelNames.map(String) : []
}
