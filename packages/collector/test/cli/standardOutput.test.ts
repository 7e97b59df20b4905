import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { lapsePath } from '../../../../test/collector.ts'
import { runLapseIn, writeConfigIn } from '../support/command.ts'

let folder: string
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  const acme = { origins: ['https://app.acme.com'], idleTimeoutSeconds: 1800 }
  writeConfigIn(folder, { database: 'sqlite:lapse.sqlite', sites: { acme } })
  expect((await runLapseIn(folder, ['migrate'])).status).toBe(0)
})
afterAll(() => rmSync(folder, { recursive: true }))

async function run(line: string, stdout: 'pipe' | number) {
  const command = spawn(process.execPath, [lapsePath, ...line.split(' ')], {
    cwd: folder,
    stdio: ['ignore', stdout, 'pipe'],
  })
  command.stdout?.destroy()
  const [stderr, [status]] = await Promise.all([text(command.stderr as Readable), once(command, 'close')])
  return { status, stderr }
}

describe.each([
  '--help',
  'completion bash',
  'token create --scope read',
  'list',
  'list --format csv',
  'list --format csv --after beginning',
  'summary',
])('lapse %s', (line) => {
  test('succeeds if nobody reads its output', async () => {
    const { status, stderr } = await run(line, 'pipe')
    expect({ status, stderr }).toMatchObject({ status: 0, stderr: expect.not.stringMatching(/EPIPE|Error/) })
  })

  test('fails with one message if its output cannot be written', async () => {
    const fullDevice = openSync('/dev/full', 'w')
    onTestFinished(() => closeSync(fullDevice))
    const { status, stderr } = await run(line, fullDevice)
    expect(status).toBe(1)
    expect(stderr.match(/ENOSPC/g)).toHaveLength(1)
    expect(stderr).toMatch(/^lapse: ENOSPC: no space left on device, write\n$/m)
  })
})
