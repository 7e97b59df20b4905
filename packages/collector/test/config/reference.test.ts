import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { program } from '../../src/cli/program.ts'
import { errorCodes } from '../../src/domain/errors.ts'
import { parseConfig } from '../../src/index.ts'
import { createMetrics } from '../../src/observability/metrics.ts'

const folder = new URL('../../../../docs/reference/', import.meta.url)

/** Reads a page. The formatter aligns the columns of tables with spaces, which do not matter here. */
function readPage(file: string): string {
  return readFileSync(new URL(file, folder), 'utf8').replaceAll(/ +/g, ' ')
}

describe('The reference', () => {
  test.each(Object.entries(errorCodes))('The error %s is listed with its status', (code, { status }) => {
    expect(readPage('errors.md')).toMatch(new RegExp(`^\\| ${status} \\|[^|]*\`${code}\``, 'm'))
  })

  test('The configuration page has a valid example and a section for each setting', () => {
    const page = readPage('configuration.md')
    const [, example = ''] = /```json\n([\s\S]*?)```/.exec(page) ?? []
    const config = parseConfig(JSON.parse(example), {
      ACME_TICKET_SECRET: 'a secret of the tests, 32 bytes long',
      SIEM_SECRET: 'a secret of the tests, 32 bytes long',
    })
    for (const setting of [...Object.keys(config), ...Object.keys(config.sites.acme ?? {})])
      expect(page).toMatch(`### \`${setting}\``)
  })

  test('The command-line page lists every command and option', () => {
    const page = readPage('command-line.md')
    for (const command of program.commands) {
      expect(page).toContain(`## \`lapse ${command.name()}\``)
      for (const { flags } of [command, ...command.commands].flatMap(({ options }) => options))
        expect(page).toContain(`| \`${flags}\` |`)
    }
  })

  test('The metrics page lists every metric of the collector', () => {
    const { registry } = createMetrics(() => ({ waiting: 0, connections: 0 }))
    const names = registry.getMetricsAsArray().map(({ name }) => name)
    const page = readPage('metrics.md')
    for (const name of names.filter((name) => name.startsWith('lapse_')))
      expect(page).toMatch(`| \`${name}\` |`)
    registry.clear()
  })
})
