import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { createMetrics } from '../packages/collector/src/observability/metrics.ts'
import { root } from './root.ts'

const run = promisify(execFile)
const folder = join(root, 'deploy/prometheus')

test('The alert rules for Prometheus are valid and pass their unit tests', async () => {
  const options = { cwd: folder }
  expect((await run('promtool', ['check', 'rules', 'lapse.rules.yml'], options)).stdout).toContain('SUCCESS')
  expect((await run('promtool', ['test', 'rules', 'lapse.rules.test.yml'], options)).stdout).toContain(
    'SUCCESS',
  )
})

test('The alert rules use metrics that the collector has', () => {
  const { registry } = createMetrics(() => ({ waiting: 0, connections: 0 }))
  const names = registry.getMetricsAsArray().map(({ name }) => name)
  registry.clear()
  const rules = readFileSync(join(folder, 'lapse.rules.yml'), 'utf8')
  const used = [...rules.matchAll(/\b(lapse_\w+)/g)].map(([, name = '']) =>
    name.replace(/_(count|bucket)$/, ''),
  )
  expect(used.length).toBeGreaterThan(10)
  for (const name of used) expect(names).toContain(name)
})
