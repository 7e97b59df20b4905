import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { parseConfig } from '../../src/index.ts'
import { describeFailure } from '../../src/store/database/databaseErrors.ts'
import { origin } from '../support/collector.ts'
import { runLapseIn, writeConfigIn } from '../support/command.ts'

// Each test starts the command several times.
vi.setConfig({ testTimeout: 120_000 })

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const runLapse = (...args: string[]) => runLapseIn(folder, args)
const sites = { acme: { origins: [origin], idleTimeoutSeconds: 1800 } }

/** Returns the start of an SQLite database: its magic string and page size. */
function createSqliteHeader(): Buffer {
  const header = Buffer.alloc(100)
  header.write('SQLite format 3\0')
  header.set([16, 0, 1, 1, 0, 64, 32, 32], 16)
  return header
}

describe('The path of an SQLite database', () => {
  const getOtherFolder = () => {
    mkdirSync(join(folder, 'elsewhere'), { recursive: true })
    return join(folder, 'elsewhere')
  }

  test.each([
    ['the default', {}, {}, 'lapse.sqlite'],
    ['a written one', { database: 'sqlite:data.sqlite' }, {}, 'data.sqlite'],
    ['one in a variable', { database: 'env:DATABASE' }, { DATABASE: 'sqlite:./v.sqlite' }, 'v.sqlite'],
    ['LAPSE_DATABASE_URL', {}, { LAPSE_DATABASE_URL: 'sqlite:o.sqlite' }, 'o.sqlite'],
  ])(
    'A relative path starts from the folder of the configuration: %s',
    async (_, config, environment, name) => {
      mkdirSync(join(folder, 'sub'))
      const file = writeConfigIn(join(folder, 'sub'), { sites, ...config })
      const run = (...args: string[]) => runLapseIn(getOtherFolder(), args, environment)
      expect(await run('migrate', '--config', file)).toMatchObject({ status: 0 })
      expect(existsSync(join(folder, 'sub', name))).toBe(true)
      expect(await run('list', '--config', '../sub/lapse.config.json')).toMatchObject({
        status: 0,
        stdout: expect.stringMatching('No session ends'),
      })
      expect(
        await runLapseIn(getOtherFolder(), ['list'], { ...environment, LAPSE_CONFIG: file }),
      ).toMatchObject({
        status: 0,
      })
      expect(readdirSync(getOtherFolder())).toEqual([])
    },
  )

  test('A relative path starts from the working directory if there is no configuration file', () => {
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
  ])('lapse %j names a missing database file and does not create it', async (args) => {
    writeConfigIn(folder, { sites: { acme: { ...sites.acme, retentionDays: 1 } } })
    const { status, stderr } = await runLapse(...args)
    expect(status).toBe(1)
    expect(stderr).toMatch(`Database file ${join(folder, 'lapse.sqlite')} not found. Run: lapse migrate`)
    expect(readdirSync(folder)).toEqual(['lapse.config.json'])
  })

  test('lapse migrate and lapse serve name a missing folder', async () => {
    writeConfigIn(folder, { database: 'sqlite:none/lapse.sqlite', listen: { port: 0 }, sites })
    for (const name of ['migrate', 'serve'])
      expect(await runLapse(name)).toMatchObject({
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
      'a file that is not a database',
      () => writeFileSync(join(folder, 'x'), 'not a database '.repeat(100)),
      /The file is not an SQLite database\. Correct the path in "database"\./,
    ],
    [
      'a damaged database',
      () => writeFileSync(join(folder, 'x'), Buffer.concat([createSqliteHeader(), Buffer.alloc(8_000, 255)])),
      /The file is damaged\. Restore it from a backup\.|not an SQLite database\./,
    ],
    [
      'inside a file',
      () => writeFileSync(join(folder, 'y'), ''),
      /A part of the path is a file, not a folder\./,
      'y/x',
    ],
  ])('Each command says what is wrong with the path: %s', async (_, make, words, path = 'x') => {
    make()
    writeConfigIn(folder, { database: `sqlite:${path}`, listen: { port: 0 }, sites })
    for (const name of ['migrate', 'serve', 'list']) {
      const { status, stderr } = await runLapse(name)
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
  ])('The message for the SQLite error %s says what to do', (code, words) => {
    const failure = Object.assign(new Error('it failed'), { code })
    expect(describeFailure(failure)).toMatch(`it failed. `)
    expect(describeFailure(failure)).toMatch(words)
    expect(describeFailure(failure)).not.toMatch('the database is running')
  })

  test('lapse init prints the path, and commands that work in the current folder', async () => {
    mkdirSync(join(folder, 'my app'))
    const { stdout } = await runLapse('init', '--config', 'my app/x.json', '--database', 'sqlite:rows.sqlite')
    expect(stdout).toMatch(`Rows will be stored in ${join(folder, 'my app', 'rows.sqlite')}.`)
    expect(stdout).toMatch("lapse serve --config 'my app/x.json'")
    expect(await runLapse('migrate', '--config', 'my app/x.json')).toMatchObject({ status: 0 })
    expect(existsSync(join(folder, 'my app', 'rows.sqlite'))).toBe(true)
    const mysql = await runLapse('init', '--config', 'y.json', '--database', 'mysql://lapse@db/lapse')
    expect(mysql.stdout).toMatch('lapse migrate --config y.json')
    expect((await runLapse('init')).stdout).toMatch(/lapse serve\n/)
  })
})
