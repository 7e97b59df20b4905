import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, inject, test } from 'vitest'
import { findFreePort } from '../../../../test/servers.ts'
import {
  createCollector,
  createConfig,
  createReport,
  environment,
  type InProcessCollector,
  origin,
} from '../support/collector.ts'
import { runLapseIn, writeConfigIn } from '../support/command.ts'

interface Check {
  readonly area: string
  readonly status: string
  readonly where: string
  readonly message: string
}

const servers = inject('databaseServers')
const clockAhead = 'data:text/javascript,const{now}=Date;Date.now=()=>now()+90000'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  return () => rmSync(folder, { recursive: true })
})

async function runCheck(args: readonly string[], env: Readonly<Record<string, string>> = environment) {
  const { status, stdout, stderr } = await runLapseIn(folder, ['check', '--format', 'json', ...args], env)
  expect(stderr).toBe('')
  const body: { status: string; results: Check[] } = JSON.parse(stdout)
  expect(body.status).toBe(status === 0 ? 'ok' : 'problem')
  return { status, results: body.results, faults: body.results.filter((each) => each.message !== '') }
}

test.each(['foo', 'ftp://127.0.0.1', '127.0.0.1:4780'])('--url %s is a usage error', async (url) => {
  const { status, stderr } = await runLapseIn(folder, ['check', '--url', url])
  expect(status).toBe(2)
  expect(stderr).toContain('Must be a URL, such as https://lapse.acme.com.')
})

describe.each(servers)('lapse check on $name', (server) => {
  let collector: InProcessCollector
  beforeAll(async () => {
    collector = await createCollector(server)
  })
  afterAll(() => collector.end())
  const isSqlite = server.url === undefined
  const writeConfig = (changes: object = {}) =>
    writeConfigIn(folder, createConfig(collector.database.url, { trustProxy: ['127.0.0.1'], ...changes }))

  test('finds nothing in a healthy installation', async () => {
    if (isSqlite) chmodSync(collector.database.url.slice('sqlite:'.length), 0o600)
    chmodSync(writeConfig(), 0o600)
    const { status, results } = await runCheck(['--url', collector.url])
    expect(status).toBe(0)
    const found = Object.fromEntries(results.map((each) => [each.area, each.status]))
    expect(found).toEqual({
      configuration: 'ok',
      database: expect.stringMatching(/ok|warning/),
      privileges: isSqlite ? 'skipped' : 'ok',
      clock: isSqlite ? 'skipped' : 'ok',
      collector: 'ok',
      proxy: 'ok',
      alarms: 'ok',
    })
    if (!isSqlite) return
    const { stdout } = await runLapseIn(folder, ['check', '--url', collector.url], environment)
    expect(stdout).toContain(`ok       collector      ${collector.url}\n`)
  })

  test('reports alarms, and a proxy that is not trusted', async () => {
    const refused = Array.from({ length: 20 }, () =>
      collector.post(createReport(), { Origin: 'https://new.example', 'X-Forwarded-For': '203.0.113.7' }),
    )
    await Promise.all(refused)
    writeConfig()
    // The collector stores its counts when it stops.
    const { faults: running } = await runCheck(['--url', collector.url])
    expect(running.find(({ area }) => area === 'proxy')).toMatchObject({
      status: 'warning',
      message: expect.stringContaining('ignored X-Forwarded-For or Forwarded in 20 requests'),
    })
    await collector.close()
    const { status, faults } = await runCheck(['--url', collector.url])
    expect(status).toBe(1)
    expect(faults.filter((each) => each.status === 'problem')).toEqual([
      {
        area: 'collector',
        status: 'problem',
        where: collector.url,
        message: expect.stringMatching(/^No collector answers \(.*\)\. Start it with "lapse serve"/),
      },
      {
        area: 'alarms',
        status: 'problem',
        where: 'acme',
        message: expect.stringContaining('(most often: https://new.example)'),
      },
    ])
  })

  test('says whether rows reach the destinations', async () => {
    const authorization = 'env:SIEM_AUTHORIZATION'
    const destination = { type: 'webhook', url: 'https://siem.acme.com/rows', authorization }
    writeConfig({ forward: { siem: destination, archive: destination, unused: destination } })
    const { forwards } = collector.store
    const beginning = await forwards.readPosition('siem')
    await forwards.reset('siem', beginning)
    await forwards.noteFailure('siem', 'The receiver answered with status 500.')
    await forwards.reset('archive', beginning)
    const env = { ...environment, SIEM_AUTHORIZATION: 'Bearer secret' }
    const { results } = await runCheck(['--url', collector.url], env)
    expect(results.filter(({ area }) => area === 'forward')).toEqual([
      {
        ...{ area: 'forward', status: 'problem', where: 'siem' },
        message: expect.stringMatching(
          /^Sending rows has failed since .*Z: The receiver answered with status 500\.$/,
        ),
      },
      { area: 'forward', status: 'ok', where: 'archive', message: '' },
      {
        ...{ area: 'forward', status: 'warning', where: 'unused' },
        message: expect.stringMatching(/^No rows have been sent yet\. Start "lapse serve"/),
      },
    ])
  })

  test.skipIf(server !== servers.find(({ url }) => url !== undefined))('compares the clocks', async () => {
    writeConfig()
    const ahead = { ...environment, NODE_OPTIONS: `--import ${clockAhead}` }
    const { status, faults } = await runCheck([], ahead)
    expect(status).toBe(1)
    expect(faults.find(({ area }) => area === 'clock')?.message).toMatch(
      /^This machine's clock is (90|89)\.\d seconds ahead of the database's\. Run NTP/,
    )
  })

  test.skipIf(isSqlite)('names missing privileges with the statements that grant them', async () => {
    const { sql } = collector.database
    const { host, pathname } = new URL(collector.database.url)
    const account = pathname.slice(1, 32)
    const schema = pathname.slice(1)
    await sql.raw("create user ? identified by 'a password'", [account])
    try {
      await sql.raw(`grant select, insert on ${schema}.* to ?`, [account])
      const database = `mysql://${account}:a%20password@${host}${pathname}`
      writeConfig({ database, purge: { dailyAt: '03:00' } })
      const readMissing = async () => (await runCheck([])).faults.filter(({ area }) => area === 'privileges')
      const missing = await readMissing()
      expect(missing).toContainEqual({
        area: 'privileges',
        status: 'problem',
        where: `${schema}.session_live`,
        message: `The account lacks UPDATE, DELETE, which it needs to watch live sessions. Run as an administrator: GRANT UPDATE, DELETE ON ${schema}.session_live TO '${account}'@'%'`,
      })
      expect(missing).toHaveLength(17)
      for (const { message } of missing)
        await sql.raw(message.replace(/.*administrator: /, '').replaceAll('?', '\\?'))
      expect(await readMissing()).toEqual([])
    } finally {
      await sql.raw('drop user ?', [account])
    }
  })

  test('says that the database must be migrated', async () => {
    await collector.database.sql('session_audit_migrations').where('name', 'like', '0015%').delete()
    writeConfig()
    const { status, faults } = await runCheck([])
    expect(status).toBe(1)
    expect(faults.find(({ area }) => area === 'database')?.message).toMatch(
      /0015_refusals.* Run: lapse migrate/,
    )
    expect(faults.find(({ area }) => area === 'alarms')).toBeUndefined()
  })
})

test('lapse check names each fault of the configuration, and checks the rest', async () => {
  const file = writeConfigIn(
    folder,
    createConfig('mysql://lapse:not-for-the-log@127.0.0.1:1/lapse', {
      listen: { port: await findFreePort() },
    }),
  )
  chmodSync(folder, 0o755)
  chmodSync(file, 0o644)
  const { status, faults } = await runCheck([], {})
  expect(status).toBe(1)
  expect(faults.map(({ area, status: each }) => ({ area, status: each }))).toEqual([
    { area: 'configuration', status: 'problem' },
    { area: 'configuration', status: 'warning' },
    { area: 'database', status: 'problem' },
    { area: 'collector', status: 'problem' },
    { area: 'proxy', status: 'warning' },
  ])
  const [secret, exposed, database, , proxy] = faults.map(({ message }) => message)
  expect(secret).toContain('TICKET_SECRET')
  expect(exposed).toContain('every account on this machine can read it. Run: chmod 600')
  expect(database).toContain('127.0.0.1:1')
  expect(JSON.stringify(faults)).not.toContain('not-for-the-log')
  expect(proxy).toContain(`pages such as ${origin} reach it through a proxy`)
})

test('lapse check reports a configuration that cannot be read, and refuses unknown options', async () => {
  const { status, faults } = await runCheck(['--config', 'missing.json'])
  expect({ status, faults }).toMatchObject({
    status: 1,
    faults: [{ area: 'configuration', where: 'missing.json', message: expect.stringContaining('not found') }],
  })
  expect((await runLapseIn(folder, ['check', '--format', 'yaml'])).status).toBe(2)
})
