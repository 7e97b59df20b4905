import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { closeSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { lapsePath } from '../../../../test/collector.ts'
import type { DatabaseServer } from '../../../../test/servers.ts'
import { startTcpProxy } from '../../../../test/tcpProxy.ts'
import { createCollector, createConfig, environment, type InProcessCollector } from '../support/collector.ts'
import { runLapseIn, writeConfigIn } from '../support/command.ts'
import { insertRows } from '../support/rows.ts'

const nameSessions = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => `s${first + index}`)

describe.each(inject('databaseServers'))('lapse list --follow --state on $name', (server) => {
  const feed = useFeed(server)

  test('continues after the process was killed, without gaps', async () => {
    const args = ['--follow', '--after', 'beginning', '--state', 'position', '--format', 'ndjson']
    const first = feed.start('rows', ...args)
    await expect.poll(() => feed.readSessions('rows')).toEqual(nameSessions(1, 5))
    await feed.insert(6, 1_500)
    await expect.poll(() => feed.readSessions('rows').length).toBeGreaterThan(5)
    await kill(first, 'SIGKILL')
    await feed.insert(1_506, 5)

    const second = feed.start('rows', ...args)
    await expect.poll(() => feed.readSessions('rows')).toContain('s1510')
    await kill(second, 'SIGTERM')
    expect(second.exitCode).toBe(0)
    // Rows of the page that was being printed may come twice, but in their order.
    const sessions = feed.readSessions('rows')
    expect([...new Set(sessions)]).toEqual(nameSessions(1, 1_510))
    expect(sessions.length).toBeLessThanOrEqual(1_510 + 1_000)
  })

  test.skipIf(server.url === undefined)('continues after the database was unreachable', async () => {
    const url = new URL(feed.readerUrl)
    const target = Number(url.port)
    const proxy = await startTcpProxy(target)
    url.port = String(proxy.port)
    writeConfigIn(feed.folder, createConfig(url.href), 'proxy.json')
    const args = ['--follow', '--state', 'other-position', '--format', 'ndjson', '--config', 'proxy.json']
    feed.start('interrupted', ...args)
    await expect.poll(() => existsSync(join(feed.folder, 'other-position'))).toBe(true)
    await feed.insert(3_000, 1)
    await expect.poll(() => feed.readSessions('interrupted')).toEqual(['s3000'])
    await proxy.close()
    await feed.insert(3_001, 2)
    await expect.poll(() => feed.readFile('interrupted.errors')).toMatch('Retrying')
    const again = await startTcpProxy(target, undefined, proxy.port)
    onTestFinished(again.close)
    await expect.poll(() => feed.readSessions('interrupted')).toEqual(nameSessions(3_000, 3_002))
  })
})

describe('lapse list --after', () => {
  const feed = useFeed({ name: 'SQLite' })

  test('prints the rows once without --follow, and CSV gets one header', async () => {
    const args = ['--after', 'beginning', '--format', 'csv', '--state', 'csv-position']
    await expect.poll(() => feed.collector.store.feed.readWaitingSince()).toBeUndefined()
    const all = await feed.run(...args)
    expect(all.stdout.split('\r\n')).toEqual([
      expect.stringMatching(/^id,site/),
      ...['1', '2', '3', '4', '5'].map((id) => expect.stringMatching(`^${id},`)),
      '',
    ])
    await feed.insert(6, 1)
    await expect.poll(() => feed.collector.store.feed.readWaitingSince()).toBeUndefined()
    // A process that was killed has left a part of a line.
    writeFileSync(join(feed.folder, 'rest.csv'), '6,ac')
    await once(feed.start('rest.csv', ...args), 'exit')
    expect(feed.readFile('rest.csv')).toMatch(/^6,ac\n6,acme,[^\n]*\r\n$/)
    const position = feed.readFile('csv-position').trim()
    expect(await feed.run('--after', position)).toEqual({ status: 0, stdout: '', stderr: '' })
  })

  test('refuses a damaged state file, and options that contradict each other', async () => {
    writeFileSync(join(feed.folder, 'damaged'), 'ZmVl')
    const [damaged, unwritable, limited, revised, invalid] = await Promise.all([
      feed.run('--follow', '--state', 'damaged'),
      feed.run('--state', 'missing/position'),
      feed.run('--after', 'latest', '--limit', '3'),
      feed.run('--after', 'latest', '--revisions', 'all'),
      feed.run('--after', 'yesterday'),
    ])
    expect(damaged).toMatchObject({ status: 1, stderr: expect.stringContaining('contains no position') })
    expect(unwritable).toMatchObject({ status: 1, stderr: expect.stringContaining('could not be written') })
    for (const { status, stderr } of [limited, revised]) {
      expect(status).toBe(2)
      expect(stderr).toMatch(/'--after <position>' cannot be used with option '--(limit|revisions)/)
    }
    expect(invalid).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('--after: must be `beginning`, `latest`, or'),
    })
  })

  test.each([['--follow'], ['--after', 'latest'], ['--state', 'flag-position']])(
    'refuses a search by a flag that later rows can change, with %s',
    async (...args) => {
      expect(await feed.run(...args, '--search', '-flag:burst')).toMatchObject({
        status: 2,
        stderr: expect.stringMatching(/--search: must not contain `flag:superseded`.* later rows can change/),
      })
    },
  )

  test('says so if no collector adds rows to the feed, while lapse list prints them', async () => {
    await feed.collector.close()
    await feed.insert(9_000, 1, Date.now() - 3_600_000)
    const [followed, listed] = await Promise.all([
      feed.run('--after', 'latest'),
      feed.run('--session', 's9000', '--format', 'ndjson'),
    ])
    expect(followed).toEqual({
      status: 0,
      stdout: '',
      stderr: expect.stringMatching(/have no position\. A running "lapse serve" gives them one\.\n$/),
    })
    expect(listed.stdout).toMatch('"s9000"')
  })
})

/** Starts a collector with five rows before the tests of a suite, and runs `lapse list` with an account that may only read. */
function useFeed(server: DatabaseServer) {
  let collector: InProcessCollector
  let folder: string
  let readerUrl: string
  const account = `lapse_${randomBytes(6).toString('hex')}`
  beforeAll(async () => {
    collector = await createCollector(server)
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    readerUrl = await createReader()
    writeConfigIn(folder, createConfig(readerUrl))
    await insert(1, 5)
  })
  afterAll(async () => {
    if (server.url !== undefined) await collector.database.sql.raw('drop user ?', [account])
    await collector.end()
    rmSync(folder, { recursive: true })
  })

  async function createReader(): Promise<string> {
    const { url, sql } = collector.database
    if (server.url === undefined) return url
    const { host, pathname } = new URL(url)
    await sql.raw("create user ? identified by 'a password'", [account])
    await sql.raw('grant select on ??.* to ?', [pathname.slice(1), account])
    return `mysql://${account}:a%20password@${host}${pathname}`
  }

  async function insert(first: number, count: number, at = Date.now()): Promise<void> {
    const ids = Array.from({ length: count }, (_, index) => first + index)
    await insertRows(
      collector.database.sql,
      ids.map((id) => ({ id, session: `s${id}`, detected_at: at })),
    )
  }

  const readFile = (name: string) => readFileSync(join(folder, name), 'utf8')
  return {
    get collector() {
      return collector
    },
    get folder() {
      return folder
    },
    get readerUrl() {
      return readerUrl
    },
    insert,
    readFile,
    /** Reads the complete lines of an output in NDJSON. */
    readSessions(name: string): string[] {
      const lines = readFile(name).split('\n')
      return lines.filter((line) => /^\{.*\}$/.test(line)).map((line) => JSON.parse(line).session)
    },
    run: (...args: string[]) => runLapseIn(folder, ['list', ...args], environment),
    /** Starts `lapse list`, which adds its output to a file. */
    start(output: string, ...args: string[]): ChildProcess {
      const descriptors = [output, `${output}.errors`].map((name) => openSync(join(folder, name), 'a'))
      const child = spawn(process.execPath, [lapsePath, 'list', ...args], {
        cwd: folder,
        env: { ...process.env, ...environment },
        stdio: ['ignore', ...descriptors],
      })
      for (const descriptor of descriptors) closeSync(descriptor)
      onTestFinished(() => void child.kill('SIGKILL'))
      return child
    },
  }
}

async function kill(child: ChildProcess, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
  child.kill(signal)
  await once(child, 'exit')
}
