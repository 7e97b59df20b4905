import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { findProgram } from '../../../../scripts/findProgram.ts'
import { lapsePath } from '../../../../test/collector.ts'
import { readStatus } from '../../../../test/readStatus.ts'
import { findFreePort } from '../../../../test/servers.ts'
import { createLogLineFormatter } from '../../src/observability/formatLogLine.ts'
import { origin } from '../support/collector.ts'
import { writeConfigIn } from '../support/command.ts'

let folder: string
let port: number
let running: ChildProcess | undefined
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  // So that the steps of `lapse init` can be run as they are printed.
  writeFileSync(join(folder, 'lapse'), `#!/bin/sh\nexec '${process.execPath}' '${lapsePath}' "$@"\n`, {
    mode: 0o755,
  })
  port = await findFreePort()
})
afterEach(async () => {
  if (running?.pid && running.exitCode === null) {
    const exited = once(running, 'exit')
    process.kill(-running.pid, 'SIGTERM')
    await exited
  }
  running = undefined
})
afterAll(() => rmSync(folder, { recursive: true }))

const createOptions = (environment: Readonly<Record<string, string>>) => ({
  cwd: folder,
  env: { ...process.env, PATH: `${folder}:${process.env.PATH}`, ...environment },
})

/** Starts a command in its own process group, and returns a function that reads its output so far. */
function start(command: string, args: readonly string[], environment: Readonly<Record<string, string>> = {}) {
  const child = spawn(command, args, { ...createOptions(environment), detached: true })
  running = child
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text
    })
  return () => output
}

const sites = { acme: { origins: [origin], idleTimeoutSeconds: 1800 } }

describe('lapse serve', () => {
  test('takes the port and host of its options, before those of the environment and the file, and logs text on a terminal', async () => {
    writeConfigIn(folder, { sites, listen: { port: 1, host: '192.0.2.1' } })
    const environment = { LAPSE_PORT: '2', LAPSE_HOST: '192.0.2.2', FORCE_COLOR: '0' }
    const command = `lapse serve --port ${port} --host 127.0.0.1`
    const readOutput = start(findProgram('script'), ['-qec', command, '/dev/null'], environment)
    const url = `http://127.0.0.1:${port}`
    await expect.poll(() => readStatus(`${url}/healthz`).catch(() => 0), { timeout: 20_000 }).toBe(200)
    await fetch(`${url}/v1/nothing`)
    await expect.poll(readOutput).toMatch(/Z\] INFO: request .*"path":"\/v1\/nothing"/)
    expect(readOutput()).toMatch(/^\[20\d\d-\d\d-\d\dT[\d:]{8}Z\] INFO: collector is listening \{"url":/m)
  })

  test('logs JSON if its output is not a terminal', async () => {
    writeConfigIn(folder, { sites, listen: { port } })
    const readOutput = start('lapse', ['serve'])
    await expect.poll(readOutput, { timeout: 20_000 }).toMatch('"msg":"collector is listening"')
    expect(JSON.parse(readOutput().split('\n')[0] ?? '')).toMatchObject({ level: 30 })
  })
})

test('The steps that lapse init prints work as they are printed', async () => {
  rmSync(join(folder, 'lapse.config.json'), { force: true })
  const environment = { LAPSE_PORT: String(port), npm_command: '' }
  const run = async (command: string) =>
    (await promisify(execFile)('bash', ['-c', command], createOptions(environment))).stdout
  const steps = [...(await run('lapse init --site acme')).matchAll(/^\d\. .*:\n +(.*)$/gm)].map(
    ([, step = '']) => step,
  )
  const [serve = '', createToken = '', dashboard = '', tag = ''] = steps
  expect(steps).toEqual([
    'lapse serve',
    'lapse token create --scope read',
    `http://127.0.0.1:${port}`,
    `http://127.0.0.1:${port}/tag?site=acme`,
  ])
  start('bash', ['-c', serve], environment)
  await expect.poll(() => readStatus(`${dashboard}/readyz`).catch(() => 0), { timeout: 20_000 }).toBe(200)
  const token = (await run(createToken)).trim()
  const signIn = await fetch(`${dashboard}/v1/lapses`, { headers: { Authorization: `Bearer ${token}` } })
  expect([signIn.status, await readStatus(dashboard)]).toEqual([200, 200])
  expect(await (await fetch(tag)).text()).toMatch('acme')
})

test('A line of the text log contains no control characters from its values', () => {
  const hostile = 'a\u001b[2Jb\u009b2Jc\u0007\rd\u202ee\nINFO: forged'
  const line = JSON.stringify({
    ...{ level: 50, time: 0, msg: hostile, path: hostile, nested: { list: [hostile] } },
    err: { type: 'Error', message: hostile, stack: `    at ${hostile}` },
  })
  const text = createLogLineFormatter({ colorize: false })(line)
  expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\p{Bidi_Control}]/u)
  expect(text).not.toMatch(/^INFO: forged/m)
  expect(text).toMatch('[1970-01-01T00:00:00Z] ERROR: a\\u001b[2Jb\\u009b2Jc')
})
