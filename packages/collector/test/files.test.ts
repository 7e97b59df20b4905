import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { serve, stop } from '../../../test/collector.ts'
import { freePort } from '../../../test/servers.ts'
import { explainListenFailure } from '../src/cli/explainListenFailure.ts'
import { parseConfig, startCollector } from '../src/index.ts'
import { describeFailure } from '../src/store/database/databaseErrors.ts'
import { eventOf, origin, postEvent } from './collector.ts'
import { runLapse, writeConfigIn } from './command.ts'

// Each test starts the command several times.
vi.setConfig({ testTimeout: 120_000 })

let folder: string
let umask: number
beforeEach(() => {
  // What a machine usually has.
  umask = process.umask(0o022)
  folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  chmodSync(folder, 0o755)
})
afterEach(() => {
  process.umask(umask)
  rmSync(folder, { recursive: true })
})

const lapse = (...args: string[]) => runLapse(folder, args)
const modeOf = (name: string) => (statSync(join(folder, name)).mode & 0o777).toString(8)
/** What a database of SQLite begins with, and its page size. */
function sqliteHeader(): Buffer {
  const header = Buffer.alloc(100)
  header.write('SQLite format 3\0')
  header.set([16, 0, 1, 1, 0, 64, 32, 32], 16)
  return header
}

const sites = { acme: { origins: [origin], idleTimeoutSeconds: 1800 } }

describe('on a machine with other accounts, nobody else can read', () => {
  test('the configuration that lapse init writes, or replaces', async () => {
    expect((await lapse('init')).status).toBe(0)
    expect(modeOf('lapse.config.json')).toBe('600')
    chmodSync(join(folder, 'lapse.config.json'), 0o644)
    expect((await lapse('init', '--force')).status).toBe(0)
    expect(modeOf('lapse.config.json')).toBe('600')
    process.umask(0)
    expect((await lapse('init', '--config', 'other.json')).status).toBe(0)
    expect(modeOf('other.json')).toBe('600')
  })

  test('the SQLite database, and what SQLite keeps beside it', async () => {
    const port = await freePort()
    const file = writeConfigIn(folder, { listen: { port }, sites })
    const collector = await serve(file, `http://127.0.0.1:${port}`)
    expect((await postEvent(`http://127.0.0.1:${port}`, eventOf(), { Origin: origin })).status).toBe(201)
    const files = readdirSync(folder).filter((name) => name.startsWith('lapse.sqlite'))
    expect(files.sort()).toEqual(['lapse.sqlite', 'lapse.sqlite-shm', 'lapse.sqlite-wal'])
    expect(files.map(modeOf)).toEqual(['600', '600', '600'])
    await stop(collector)
    rmSync(join(folder, 'lapse.sqlite'))
    await lapse('migrate')
    expect(modeOf('lapse.sqlite')).toBe('600')
  })

  test('the report of lapse selftest, unless it replaces a file that everybody may read', async () => {
    const port = await freePort()
    const file = writeConfigIn(folder, { listen: { port }, sites })
    const collector = await serve(file, `http://127.0.0.1:${port}`)
    const report = () => lapse('selftest', '--site', 'acme', '--output', 'report.txt')
    expect((await report()).status).toBe(0)
    expect(modeOf('report.txt')).toBe('600')
    chmodSync(join(folder, 'report.txt'), 0o644)
    expect((await report()).status).toBe(0)
    expect(modeOf('report.txt')).toBe('644')
    await stop(collector)
  })
})

describe('lapse serve', () => {
  async function warningsOf(config: object, name = 'lapse.config.json') {
    const logLines: string[] = []
    const { pino } = await import('pino')
    const log = pino({}, { write: (line) => void logLines.push(line) })
    const written = { listen: { port: 0 }, sites, ...config }
    const collector = await startCollector(parseConfig(written, {}, name, folder), log)
    await collector.close()
    return logLines.map((line) => JSON.parse(line)).flatMap(({ level, msg }) => (level === 40 ? msg : []))
  }

  test('keeps the rights of a database that everybody can read, and warns', async () => {
    expect(await warningsOf({})).toEqual([])
    chmodSync(join(folder, 'lapse.sqlite'), 0o644)
    expect(await warningsOf({})).toEqual([
      expect.stringMatching(/read the audit in .*chmod 600 .*lapse\.sqlite/),
    ])
    expect(modeOf('lapse.sqlite')).toBe('644')
    chmodSync(folder, 0o700)
    expect(await warningsOf({})).toEqual([])
  })

  test('warns of a database that everybody can change or replace', async () => {
    expect(await warningsOf({})).toEqual([])
    chmodSync(join(folder, 'lapse.sqlite'), 0o602)
    const file = join(folder, 'lapse.sqlite')
    expect(await warningsOf({})).toEqual([
      `every account of this machine can change ${file}. Run: chmod 600 ${file}*`,
    ])
    chmodSync(file, 0o600)
    chmodSync(folder, 0o777)
    expect(await warningsOf({})).toEqual([
      `every account of this machine can replace ${file}. Run: chmod o-w ${folder}`,
    ])
    chmodSync(folder, 0o1777)
    expect(await warningsOf({})).toEqual([])
  })

  test('warns of a configuration that everybody can change, though it holds no password', async () => {
    const database = 'mysql://lapse@127.0.0.1:1/lapse'
    const file = writeConfigIn(folder, { database, listen: { host: '192.0.2.1', port: 1 }, sites })
    chmodSync(file, 0o622)
    expect((await lapse('serve')).stderr).toMatch(/can change .*lapse\.config\.json\. Run: chmod 600/)
  })

  test.each([
    ['warns of a password with ? and # in', 0o644, 'mysql://lapse:a?b#hunter2@127.0.0.1:1/lapse', true],
    ['warns of a password in', 0o644, 'mysql://lapse:hunter2@127.0.0.1:1/lapse', true],
    ['warns of nothing without a password in', 0o644, 'mysql://lapse@127.0.0.1:1/lapse', false],
    ['warns of nothing where only its owner can read', 0o600, 'mysql://lapse:hunter2@a:1,b:2/lapse', false],
  ])('%s the configuration', async (_, mode, database, warns) => {
    // It ends at once, as its port is none of this machine's.
    const file = writeConfigIn(folder, { database, listen: { host: '192.0.2.1', port: 1 }, sites })
    chmodSync(file, mode)
    const { status, stderr, stdout } = await lapse('serve')
    expect(status).toBe(1)
    if (warns) expect(stderr).toMatch(/lapse\.config\.json holds a password, .* chmod 600/)
    else expect(stderr).not.toMatch('warning')
    expect(stderr + stdout).not.toMatch('hunter2')
    expect(modeOf('lapse.config.json')).toBe(mode.toString(8))
  })
})

describe('a configuration that is not JSON', () => {
  test.each([
    ['{ "database": "mysql://lapse:hunter2@db/lapse" "sites": {} }'],
    ['{ "database": mysql://lapse:hunter2@db/lapse }'],
    ['hunter2'],
    ['{\n  "a": "hunter2",\n  hunter2\n}'],
  ])('is named, and nothing of it is shown: %s', async (text) => {
    writeFileSync(join(folder, 'lapse.config.json'), text)
    const { status, stderr } = await lapse('list')
    expect(status).toBe(1)
    expect(stderr).toMatch(/lapse\.config\.json is not JSON/)
    expect(stderr).not.toMatch('hunter')
  })
})

test('a configuration may begin with a byte order mark', async () => {
  const config = { database: 'sqlite:lapse.sqlite', sites }
  writeFileSync(join(folder, 'lapse.config.json'), `\uFEFF${JSON.stringify(config)}`)
  expect(await lapse('migrate')).toMatchObject({ status: 0, stderr: '' })
})

describe('lapse serve that cannot listen', () => {
  test.each([
    [
      { host: 'no-such-host.invalid' },
      /The host name no-such-host\.invalid (is not known|could not be looked up)/,
    ],
    [{ host: '203.0.113.7' }, /203\.0\.113\.7 is not an address of this machine/],
    [{ host: '2001:db8::7' }, /2001:db8::7/],
  ])('on %j names the setting and what to write', async (listen, words) => {
    writeConfigIn(folder, { listen: { port: 0, ...listen }, sites })
    const { status, stderr } = await lapse('serve')
    expect(status).toBe(1)
    expect(stderr).toMatch(words)
    expect(stderr).toMatch('Correct "listen.host" or LAPSE_HOST: 127.0.0.1 for this machine only')
    expect(stderr).not.toMatch(/getaddrinfo|EADDR/)
  })

  test('on a port below 1024 names the port and what to do', () => {
    // The account of the tests may be one that is allowed to.
    const refused = Object.assign(new Error('listen EACCES: permission denied 127.0.0.1:80'), {
      code: 'EACCES',
      syscall: 'listen',
    })
    expect(String(explainListenFailure(refused, { host: '127.0.0.1', port: 80 }))).toMatch(
      /may not listen on port 80: .* Choose a port from 1024 on with LAPSE_PORT or "listen.port"/,
    )
  })
})

describe('lapse init with a database URL in a variable', () => {
  const init = (environment: Readonly<Record<string, string>>) =>
    runLapse(folder, ['init', '--database', 'env:DATABASE'], environment)

  test('writes the name of the variable, and never the password', async () => {
    const { status, stdout, stderr } = await init({ DATABASE: 'mysql://lapse:hunter2@db/lapse' })
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch('lapse migrate')
    const text = readFileSync(join(folder, 'lapse.config.json'), 'utf8')
    expect(JSON.parse(text)).toMatchObject({ database: 'env:DATABASE' })
    expect(stdout + text).not.toMatch('hunter2')
  })

  test('says that the variable is not set', async () => {
    const { status, stderr } = await init({})
    expect([status, stderr]).toEqual([1, expect.stringMatching(/variable DATABASE is not set/)])
  })
})

describe('a relative path of an SQLite database', () => {
  const elsewhere = () => {
    mkdirSync(join(folder, 'elsewhere'), { recursive: true })
    return join(folder, 'elsewhere')
  }

  test.each([
    ['the default', {}, {}, 'lapse.sqlite'],
    ['a written one', { database: 'sqlite:data.sqlite' }, {}, 'data.sqlite'],
    ['one in a variable', { database: 'env:DATABASE' }, { DATABASE: 'sqlite:./v.sqlite' }, 'v.sqlite'],
    ['LAPSE_DATABASE_URL', {}, { LAPSE_DATABASE_URL: 'sqlite:o.sqlite' }, 'o.sqlite'],
  ])('begins in the folder of the configuration: %s', async (_, config, environment, name) => {
    mkdirSync(join(folder, 'sub'))
    const file = writeConfigIn(join(folder, 'sub'), { sites, ...config })
    const run = (...args: string[]) => runLapse(elsewhere(), args, environment)
    expect(await run('migrate', '--config', file)).toMatchObject({ status: 0 })
    expect(existsSync(join(folder, 'sub', name))).toBe(true)
    expect(await run('list', '--config', '../sub/lapse.config.json')).toMatchObject({
      status: 0,
      stdout: expect.stringMatching('No lapses'),
    })
    expect(await runLapse(elsewhere(), ['list'], { ...environment, LAPSE_CONFIG: file })).toMatchObject({
      status: 0,
    })
    expect(readdirSync(elsewhere())).toEqual([])
  })

  test('begins in the working directory for a configuration without a file', () => {
    expect(parseConfig({ sites }, {}).database).toEqual({
      dialect: 'sqlite',
      path: join(process.cwd(), 'lapse.sqlite'),
    })
  })

  test.each([
    [['list']],
    [['list', '--follow']],
    [['token', 'list']],
    [['token', 'create', '--scope', 'read']],
    [['token', 'revoke', '0123456789abcdef']],
    [['purge']],
    [['purge', '--dry-run']],
    [['rollup']],
    [['mirror', '--table', 'audit', '--set', 'at=detected_at']],
    [['mirror', '--table', 'audit', '--drop']],
  ])('to no file is named by lapse %j, and nothing is made there', async (args) => {
    writeConfigIn(folder, { sites: { acme: { ...sites.acme, retentionDays: 1 } } })
    const { status, stderr } = await lapse(...args)
    expect(status).toBe(1)
    expect(stderr).toMatch(`Database file ${join(folder, 'lapse.sqlite')} not found. Run: lapse migrate`)
    expect(readdirSync(folder)).toEqual(['lapse.config.json'])
  })

  test('into a folder that is missing is named by lapse migrate and lapse serve', async () => {
    writeConfigIn(folder, { database: 'sqlite:none/lapse.sqlite', listen: { port: 0 }, sites })
    for (const name of ['migrate', 'serve'])
      expect(await lapse(name)).toMatchObject({
        status: 1,
        stderr: expect.stringContaining(
          `the folder ${join(folder, 'none')} is missing. Create it, or correct the path in "database".`,
        ),
      })
  })

  test.each([
    [
      'a folder',
      () => mkdirSync(join(folder, 'x')),
      /x is a folder, not a file\. Correct the path in "database"\./,
    ],
    [
      'a file of another kind',
      () => writeFileSync(join(folder, 'x'), 'not a database '.repeat(100)),
      /The file is not an SQLite database\. Correct the path in "database"\./,
    ],
    [
      'a damaged database',
      () => writeFileSync(join(folder, 'x'), Buffer.concat([sqliteHeader(), Buffer.alloc(8_000, 255)])),
      /The file is damaged\. Restore it from a backup\.|not an SQLite database\./,
    ],
    [
      'in a file',
      () => writeFileSync(join(folder, 'y'), ''),
      /A part of the path is a file, not a folder\./,
      'y/x',
    ],
  ])('to %s is told what is wrong with it, by each command', async (_, make, words, path = 'x') => {
    make()
    writeConfigIn(folder, { database: `sqlite:${path}`, listen: { port: 0 }, sites })
    for (const name of ['migrate', 'serve', 'list']) {
      const { status, stderr } = await lapse(name)
      expect(status).toBe(1)
      if (name !== 'list' || path === 'x') expect(stderr).toMatch(words)
      expect(stderr).not.toMatch(/database is running|account and its privileges|ENOTDIR|SQLITE_/)
    }
  })

  test.each([
    ['SQLITE_CANTOPEN', 'read and write the file and its folder'],
    ['SQLITE_READONLY_DIRECTORY', 'write to the file and its folder'],
    ['SQLITE_FULL', 'Free up disk space'],
    ['SQLITE_IOERR_WRITE', 'Check the disk'],
    ['SQLITE_BUSY_SNAPSHOT', 'Another program has locked the file'],
    ['SQLITE_CORRUPT_INDEX', 'Restore it from a backup'],
    ['SQLITE_TOOBIG', 'Check the file, its permissions and the path in "database"'],
  ])('that fails with %s says what to do', (code, words) => {
    const failure = Object.assign(new Error('it failed'), { code })
    expect(describeFailure(failure)).toMatch(`it failed. `)
    expect(describeFailure(failure)).toMatch(words)
    expect(describeFailure(failure)).not.toMatch('the database is running')
  })

  test('is told by lapse init, with commands that work where they are printed', async () => {
    mkdirSync(join(folder, 'my app'))
    const { stdout } = await lapse('init', '--config', 'my app/x.json', '--database', 'sqlite:rows.sqlite')
    expect(stdout).toMatch(`Rows will be kept in ${join(folder, 'my app', 'rows.sqlite')}.`)
    expect(stdout).toMatch("lapse serve --config 'my app/x.json'")
    expect(await lapse('migrate', '--config', 'my app/x.json')).toMatchObject({ status: 0 })
    expect(existsSync(join(folder, 'my app', 'rows.sqlite'))).toBe(true)
    const mysql = await lapse('init', '--config', 'y.json', '--database', 'mysql://lapse@db/lapse')
    expect(mysql.stdout).toMatch('lapse migrate --config y.json')
    expect((await lapse('init')).stdout).toMatch(/lapse serve +\(/)
  })
})
