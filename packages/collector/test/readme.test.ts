import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseConfig } from '../src/config/config.ts'
import { errorCodes } from '../src/domain/errors.ts'
import { createMetrics } from '../src/observability/metrics.ts'

// The formatter aligns the columns of tables.
const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8').replaceAll(/ +/g, ' ')

describe('the README', () => {
  test.each(Object.entries(errorCodes))('lists the error %s with its status', (code, { status }) => {
    expect(readme).toMatch(new RegExp(`^\\| ${status} \\|[^|]*\`${code}\``, 'm'))
  })

  test('shows a configuration that is accepted, and names each of its settings', () => {
    const [, example = ''] = /## Configuration[\s\S]*?```json\n([\s\S]*?)```/.exec(readme) ?? []
    const config = parseConfig(JSON.parse(example), {
      ACME_TICKET_SECRET: 'a secret of the tests, 32 bytes long',
    })
    for (const setting of [...Object.keys(config), ...Object.keys(config.sites.acme ?? {})]) {
      expect(readme).toMatch(`| \`${setting}\` |`)
    }
  })

  test('names every metric of the collector', async () => {
    const { registry } = createMetrics(() => ({ waiting: 0, connections: 0 }))
    const names = registry.getMetricsAsArray().map(({ name }) => name)
    for (const name of names.filter((name) => name.startsWith('lapse_')))
      expect(readme).toMatch(`| \`${name}\` |`)
    registry.clear()
  })
})
