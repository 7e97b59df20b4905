import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { startLapseServe, stopLapseServe } from '../../../../test/collector.ts'
import { findFreePort } from '../../../../test/servers.ts'
import { explainListenFailure } from '../../src/cli/output/explainListenFailure.ts'
import { parseConfig, startCollector } from '../../src/index.ts'
import { createReport, origin, postReport } from '../support/collector.ts'
import { runLapseIn, writeConfigIn } from '../support/command.ts'

// Each test starts the command several times.
vi.setConfig({ testTimeout: 120_000 })

let folder: string
let umask: number
beforeEach(() => {
  // The default of most machines.
  umask = process.umask(0o022)
  folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  chmodSync(folder, 0o755)
})
afterEach(() => {
  process.umask(umask)
  rmSync(folder, { recursive: true })
})

const runLapse = (...args: string[]) => runLapseIn(folder, args)
const readMode = (name: string) => (statSync(join(folder, name)).mode & 0o777).toString(8)
const sites = { acme: { origins: [origin], idleTimeoutSeconds: 1800 } }

describe('File permissions', () => {
  test('Only the owner can read the configuration that lapse init writes or replaces', async () => {
    expect((await runLapse('init')).status).toBe(0)
    expect(readMode('lapse.config.json')).toBe('600')
    chmodSync(join(folder, 'lapse.config.json'), 0o644)
    expect((await runLapse('init', '--force')).status).toBe(0)
    expect(readMode('lapse.config.json')).toBe('600')
    process.umask(0)
    expect((await runLapse('init', '--config', 'other.json')).status).toBe(0)
    expect(readMode('other.json')).toBe('600')
  })

  test('Only the owner can read the SQLite database and the files beside it', async () => {
    const port = await findFreePort()
    const file = writeConfigIn(folder, { listen: { port }, sites })
    const collector = await startLapseServe(file, `http://127.0.0.1:${port}`)
    expect((await postReport(`http://127.0.0.1:${port}`, createReport(), { Origin: origin })).status).toBe(
      201,
    )
    const files = readdirSync(folder).filter((name) => name.startsWith('lapse.sqlite'))
    expect(files.sort()).toEqual(['lapse.sqlite', 'lapse.sqlite-shm', 'lapse.sqlite-wal'])
    expect(files.map(readMode)).toEqual(['600', '600', '600'])
    await stopLapseServe(collector)
    rmSync(join(folder, 'lapse.sqlite'))
    await runLapse('migrate')
    expect(readMode('lapse.sqlite')).toBe('600')
  })

  test('Only the owner can read a new report of lapse selftest', async () => {
    const port = await findFreePort()
    const file = writeConfigIn(folder, { listen: { port }, sites, sweep: { everySeconds: 1 } })
    const collector = await startLapseServe(file, `http://127.0.0.1:${port}`)
    const writeReport = () => runLapse('selftest', '--site', 'acme', '--output', 'report.txt')
    expect((await writeReport()).status).toBe(0)
    expect(readMode('report.txt')).toBe('600')
    chmodSync(join(folder, 'report.txt'), 0o644)
    expect((await writeReport()).status).toBe(0)
    expect(readMode('report.txt')).toBe('644')
    await stopLapseServe(collector)
  })
})

describe('lapse serve', () => {
  async function readWarnings(config: object, name = 'lapse.config.json') {
    const logLines: string[] = []
    const { pino } = await import('pino')
    const log = pino({}, { write: (line) => void logLines.push(line) })
    const written = { listen: { port: 0 }, sites, ...config }
    const collector = await startCollector(parseConfig(written, {}, name, folder), log)
    await collector.close()
    return logLines.map((line) => JSON.parse(line)).flatMap(({ level, msg }) => (level === 40 ? msg : []))
  }

  test('The mode of a database that everyone can read is kept, with a warning', async () => {
    expect(await readWarnings({})).toEqual([])
    chmodSync(join(folder, 'lapse.sqlite'), 0o644)
    expect(await readWarnings({})).toEqual([
      expect.stringMatching(/read the audit data in .*chmod 600 .*lapse\.sqlite/),
    ])
    expect(readMode('lapse.sqlite')).toBe('644')
    chmodSync(folder, 0o700)
    expect(await readWarnings({})).toEqual([])
  })

  test('A database that everyone can change or replace causes a warning', async () => {
    expect(await readWarnings({})).toEqual([])
    chmodSync(join(folder, 'lapse.sqlite'), 0o602)
    const file = join(folder, 'lapse.sqlite')
    expect(await readWarnings({})).toEqual([
      `every account on this machine can change ${file}. Run: chmod 600 ${file}*`,
    ])
    chmodSync(file, 0o600)
    chmodSync(folder, 0o777)
    expect(await readWarnings({})).toEqual([
      `every account on this machine can replace ${file}. Run: chmod o-w ${folder}`,
    ])
    chmodSync(folder, 0o1777)
    expect(await readWarnings({})).toEqual([])
  })

  test('A configuration that everyone can change causes a warning even without a password', async () => {
    const database = 'mysql://lapse@127.0.0.1:1/lapse'
    const file = writeConfigIn(folder, { database, listen: { host: '192.0.2.1', port: 1 }, sites })
    chmodSync(file, 0o622)
    expect((await runLapse('serve')).stderr).toMatch(/can change .*lapse\.config\.json\. Run: chmod 600/)
  })

  test.each([
    [
      'is reported if it is readable by everyone and has a password with ? and #',
      0o644,
      'mysql://lapse:a?b#hunter2@127.0.0.1:1/lapse',
      true,
    ],
    [
      'is reported if it is readable by everyone and has a password',
      0o644,
      'mysql://lapse:hunter2@127.0.0.1:1/lapse',
      true,
    ],
    ['is not reported if it has no password', 0o644, 'mysql://lapse@127.0.0.1:1/lapse', false],
    ['is not reported if only its owner can read it', 0o600, 'mysql://lapse:hunter2@a:1,b:2/lapse', false],
  ])('A configuration file %s', async (_, mode, database, warns) => {
    // The command ends immediately, because this machine does not have that address.
    const file = writeConfigIn(folder, { database, listen: { host: '192.0.2.1', port: 1 }, sites })
    chmodSync(file, mode)
    const { status, stderr, stdout } = await runLapse('serve')
    expect(status).toBe(1)
    if (warns) expect(stderr).toMatch(/lapse\.config\.json contains a password, .* chmod 600/)
    else expect(stderr).not.toMatch('warning')
    expect(stderr + stdout).not.toMatch('hunter2')
    expect(readMode('lapse.config.json')).toBe(mode.toString(8))
  })
})

describe('A configuration file', () => {
  test.each([
    ['{ "database": "mysql://lapse:hunter2@db/lapse" "sites": {} }'],
    ['{ "database": mysql://lapse:hunter2@db/lapse }'],
    ['hunter2'],
    ['{\n  "a": "hunter2",\n  hunter2\n}'],
  ])('A configuration file that is not JSON is named but not quoted: %s', async (text) => {
    writeFileSync(join(folder, 'lapse.config.json'), text)
    const { status, stderr } = await runLapse('list')
    expect(status).toBe(1)
    expect(stderr).toMatch(/lapse\.config\.json is not JSON/)
    expect(stderr).not.toMatch('hunter')
  })
})

test('A configuration file may begin with a byte order mark', async () => {
  const config = { database: 'sqlite:lapse.sqlite', sites }
  writeFileSync(join(folder, 'lapse.config.json'), `\uFEFF${JSON.stringify(config)}`)
  expect(await runLapse('migrate')).toMatchObject({ status: 0, stderr: '' })
})

describe('lapse serve that cannot listen', () => {
  test.each([
    [{ host: 'no-such-host.invalid' }, /Host name no-such-host\.invalid (not found|could not be resolved)/],
    [{ host: '203.0.113.7' }, /203\.0\.113\.7 is not an address of this machine/],
    [{ host: '2001:db8::7' }, /2001:db8::7/],
  ])('The error for %j names the setting and the valid values', async (listen, words) => {
    writeConfigIn(folder, { listen: { port: 0, ...listen }, sites })
    const { status, stderr } = await runLapse('serve')
    expect(status).toBe(1)
    expect(stderr).toMatch(words)
    expect(stderr).toMatch('Correct --host, LAPSE_HOST or "listen.host": 127.0.0.1 for this machine only')
    expect(stderr).not.toMatch(/getaddrinfo|EADDR/)
  })

  test('The error for a port below 1024 says what to do', () => {
    // The tests may run as an account that is allowed to listen there.
    const refused = Object.assign(new Error('listen EACCES: permission denied 127.0.0.1:80'), {
      code: 'EACCES',
      syscall: 'listen',
    })
    expect(String(explainListenFailure(refused, { host: '127.0.0.1', port: 80 }))).toMatch(
      /not allowed to listen on port 80: .* Choose a port from 1024 up with --port, LAPSE_PORT or "listen.port"/,
    )
  })
})

describe('lapse init with a database URL in an environment variable', () => {
  const initWithDatabase = (environment: Readonly<Record<string, string>>) =>
    runLapseIn(folder, ['init', '--database', 'env:DATABASE'], environment)

  test('The configuration file contains the name of the variable and not the password', async () => {
    const { status, stdout, stderr } = await initWithDatabase({ DATABASE: 'mysql://lapse:hunter2@db/lapse' })
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toMatch('lapse migrate')
    const text = readFileSync(join(folder, 'lapse.config.json'), 'utf8')
    expect(JSON.parse(text)).toMatchObject({ database: 'env:DATABASE' })
    expect(stdout + text).not.toMatch('hunter2')
  })

  test('An unset variable is reported', async () => {
    const { status, stderr } = await initWithDatabase({})
    expect({ status, stderr }).toEqual({
      status: 1,
      stderr: expect.stringMatching(/variable DATABASE is not set/),
    })
  })
})
