import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'

const source = fileURLToPath(new URL('..', import.meta.url))

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

test('the packed package migrates and lists, away from the source tree', () => {
  const packed = execFileSync('npm', ['pack', '--json', '--pack-destination', folder], { cwd: source })
  const [{ filename }] = JSON.parse(packed.toString())
  execFileSync('tar', ['-xzf', join(folder, filename), '-C', folder])
  symlinkSync(join(source, 'node_modules'), join(folder, 'package', 'node_modules'))
  const sites = { acme: { origins: ['https://app.acme.com'], idleTimeoutSeconds: 1800 } }
  writeFileSync(join(folder, 'lapse.config.json'), JSON.stringify({ database: 'sqlite:lapse.sqlite', sites }))

  const lapse = (name: string) =>
    execFileSync(process.execPath, ['package/dist/cli/lapse.js', name], { cwd: folder }).toString()
  expect(lapse('migrate')).toMatch('0001_session_audit')
  expect(lapse('list')).toBe('No lapses recorded.\n')
})
