import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, inject, test } from 'vitest'
import { startLapseServe, stopLapseServe } from '../../../../test/collector.ts'
import { createDatabase, type TestDatabase } from '../../../../test/databases.ts'
import { findFreePort } from '../../../../test/servers.ts'
import { createReport, origin, postReport } from '../support/collector.ts'
import { runLapseIn, writeConfigIn } from '../support/command.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const runLapse = (args: readonly string[], env?: Readonly<Record<string, string>>) =>
  runLapseIn(folder, args, env)
const writeConfig = (config: unknown, name?: string) => writeConfigIn(folder, config, name)

const sites = { acme: { origins: [origin], idleTimeoutSeconds: 1800 } }

describe('The command line', () => {
  test.each([
    [['--help'], 'serve'],
    [['serve', '--help'], '--config'],
    [['migrate', '--help'], '--config'],
    [['list', '--help'], '--limit'],
    [['init', '--help'], '--origin'],
    [['token', '--help'], 'revoke'],
    [['purge', '--help'], '--dry-run'],
    [['mirror', '--help'], '--where'],
    [['selftest', '--help'], '--ticket'],
    [['ticket', '--help'], '--subject'],
    [['token', 'create', '--help'], '--scope'],
  ])('lapse %j describes its usage', async (args, word) => {
    const { status, stdout } = await runLapse(args)
    expect(status).toBe(0)
    expect(stdout).toMatch(word)
  })

  test('lapse ticket signs a ticket that the collector accepts, with a secret or a private key', async () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    writeFileSync(join(folder, 'key.pem'), privateKey.export({ format: 'pem', type: 'pkcs8' }))
    const jwks = { keys: [publicKey.export({ format: 'jwk' })] }
    const site = { origins: [origin], idleTimeoutSeconds: 1800, requireTicket: true }
    const port = await findFreePort()
    const file = writeConfig({
      listen: { port },
      sites: {
        shared: { ...site, ticketKeys: [{ alg: 'HS256', secret: 'env:SECRET' }] },
        public: { ...site, ticketKeys: [{ alg: 'EdDSA', jwks }] },
      },
    })
    const environment = { SECRET: 'a secret of the tests, 32 bytes or more' }
    const claims = ['--subject', 'u_9', '--session', 's_9', '--idle', '600']
    const shared = await runLapse(['ticket', '--site', 'shared', ...claims], environment)
    const signed = await runLapse(['ticket', '--site', 'public', ...claims, '--key', 'key.pem'], environment)
    const url = `http://127.0.0.1:${port}`
    const database = `sqlite:${join(folder, 'lapse.sqlite')}`
    const collector = await startLapseServe(file, url, { ...environment, LAPSE_DATABASE_URL: database })
    for (const [name, { stdout }] of Object.entries({ shared, public: signed })) {
      const report = createReport({ site: name, ticket: stdout.trim() })
      const response = await postReport(url, report, { Origin: origin })
      expect({ status: response.status, verdict: await response.json() }).toMatchObject({
        status: 201,
        verdict: { idleTimeoutSeconds: 600 },
      })
    }
    await stopLapseServe(collector)
    const withSiteLimit = [
      await runLapse(['ticket', '--site', 'shared', '--subject', 'u_9'], environment),
      await runLapse(['ticket', '--site', 'public', '--subject', 'u_9', '--key', 'key.pem']),
    ]
    for (const { stdout } of withSiteLimit) expect(decodeJwt(stdout.trim())).toMatchObject({ idle: 1800 })
    const elsewhere = [
      'ticket',
      '--site',
      'any',
      '--subject',
      'u_9',
      '--key',
      'key.pem',
      '--config',
      'none.json',
    ]
    const withoutLimit = await runLapse(elsewhere)
    expect(withoutLimit).toMatchObject({ status: 1, stdout: '', stderr: expect.stringMatching('--idle') })
    expect(decodeJwt((await runLapse([...elsewhere, '--idle', '60'])).stdout.trim())).toMatchObject({
      idle: 60,
    })
    const without = await runLapse(['ticket', '--site', 'public', '--subject', 'u_9'], environment)
    expect(without).toMatchObject({ status: 1, stderr: expect.stringMatching('--key') })
  })

  test('lapse init writes a valid configuration and does not replace an existing one', async () => {
    const made = await runLapse(['init', '--site', 'acme', '--origin', origin, '--idle-timeout', '10m'])
    expect(made).toMatchObject({ status: 0, stdout: expect.stringMatching('/tag\\?site=acme') })
    const again = await runLapse(['init'])
    expect(again).toMatchObject({ status: 1, stderr: expect.stringMatching('--force') })
    expect(JSON.parse(readFileSync(join(folder, 'lapse.config.json'), 'utf8')).sites).toEqual({
      acme: { origins: [origin], idleTimeoutSeconds: 600 },
    })
    expect(await runLapse(['migrate'])).toMatchObject({ status: 0 })
    const wrong = await runLapse(['init', '--force', '--origin', 'app.acme.com'])
    expect(wrong).toMatchObject({ status: 1, stderr: expect.stringMatching('sites.app.origins.0') })
    const named = await runLapse(['init', '--force', '--site', 'a b'])
    expect(named).toMatchObject({ status: 1, stderr: expect.stringMatching('letters, digits, hyphens') })
    const nowhere = await runLapse(['init', '--config', join(folder, 'none', 'lapse.config.json')])
    expect(nowhere).toMatchObject({ status: 1, stderr: expect.stringMatching('cannot be written') })
  })

  test('A usage error is explained and exits with status 2', async () => {
    const empty = ['ticket', '--site', 'acme', '--subject', '']
    const wrong = [
      ...[
        ['list', '--limit', '0'],
        ['list', '--from', 'tomorrow'],
        ['list', '--time-zone', 'Mars'],
      ],
      ...[
        ['serve', '--prot', '1'],
        ['serve', '--port', '70000'],
        ['token', 'create', '--expires', '9y'],
      ],
      ...[['list', '--follow', '--format', 'json'], ['dance'], empty],
    ]
    const results = await Promise.all(wrong.map((args) => runLapse(args)))
    for (const { status, stderr } of results) {
      expect(status).toBe(2)
      expect(stderr).toMatch('error: ')
    }
  })

  test('lapse serve names a configuration file that is missing or is not JSON', async () => {
    expect(await runLapse(['serve'])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching('lapse.config.json'),
    })
    const file = writeConfig('{', 'broken.json')
    const { status, stderr } = await runLapse(['serve'], { LAPSE_CONFIG: file })
    expect({ status, stderr }).toMatchObject({
      status: 1,
      stderr: expect.stringMatching(/broken\.json is not JSON/),
    })
  })

  test('lapse serve names every invalid setting and does not start', async () => {
    writeConfig({
      database: 'postgres://db/lapse',
      table: 'a.b.c',
      listen: { port: 70_000 },
      color: 'blue',
      sites: {
        acme: {
          origins: ['https://app.acme.com/'],
          idleTimeoutSeconds: 0,
          ticketKeys: [
            { alg: 'HS256', secret: 'do not show me' },
            { alg: 'HS256', secret: 'env:NOT_SET' },
            { alg: 'EdDSA', jwks: 'none', jwksUrl: 'https://app.acme.com/jwks' },
          ],
        },
        shop: { origins: ['https://shop.acme.com'], idleTimeoutSeconds: '1800', requireTicket: true },
      },
    })
    const { status, stderr } = await runLapse(['serve'])
    expect(status).toBe(1)
    for (const setting of [
      'database',
      'table',
      'listen.port',
      'color',
      'sites.acme.origins.0',
      'sites.acme.idleTimeoutSeconds',
      'sites.acme.ticketKeys.0.secret',
      'NOT_SET',
      'sites.acme.ticketKeys.2.jwks',
      'must have either jwks or jwksUrl',
      'sites.shop.idleTimeoutSeconds',
      'sites.shop.ticketKeys',
    ]) {
      expect(stderr).toMatch(setting)
    }
    expect(stderr).not.toMatch('do not show me')
  })

  test('lapse serve says what to do when its port is in use', async () => {
    const port = await findFreePort()
    const taken = createServer().listen(port, '127.0.0.1')
    writeConfig({ sites, listen: { port } })
    const { status, stderr } = await runLapse(['serve'])
    taken.close()
    expect(status).toBe(1)
    expect(stderr).toMatch(`Port ${port} on 127.0.0.1 is already in use`)
  })

  test('An unreachable database is named without its password', async () => {
    const port = await findFreePort()
    writeConfig({ sites, database: `mysql://lapse:hidden@127.0.0.1:${port}/lapse` })
    for (const name of ['migrate', 'list']) {
      const { status, stderr } = await runLapse([name])
      expect(status).toBe(1)
      expect(stderr).toMatch(`mysql://lapse@127.0.0.1:${port}/lapse`)
      expect(stderr).not.toMatch('hidden')
    }
  })

  test('Environment variables override the port and the database of the file', async () => {
    const port = await findFreePort()
    const file = writeConfig({ sites, database: `sqlite:${join(folder, 'unused.sqlite')}` })
    const environment = {
      LAPSE_PORT: String(port),
      LAPSE_DATABASE_URL: `sqlite:${join(folder, 'used.sqlite')}`,
    }
    const collector = await startLapseServe(file, `http://127.0.0.1:${port}`, environment)
    expect((await postReport(`http://127.0.0.1:${port}`, createReport(), { Origin: origin })).status).toBe(
      201,
    )
    await stopLapseServe(collector)
    const { stdout } = await runLapse(['list'], environment)
    expect(stdout).toMatch('idle_timeout')
  })
})

describe.each(inject('databaseServers'))('The command line on $name', (server) => {
  let database: TestDatabase
  beforeEach(async () => {
    database = await createDatabase(server)
  })
  afterEach(() => database.drop())

  test('lapse migrate creates the table, lapse serve fills it and lapse list prints it', async () => {
    const port = await findFreePort()
    const url = `http://127.0.0.1:${port}`
    const file = writeConfig({ sites, database: database.url, listen: { port } })
    expect((await runLapse(['list'])).stderr).toMatch('lapse migrate')
    expect(await runLapse(['migrate'])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching('0001_session_audit'),
    })
    expect(await runLapse(['migrate'])).toMatchObject({
      status: 0,
      stdout: expect.stringMatching('nothing to do'),
    })
    expect((await runLapse(['list'])).stdout).toBe('No session ends recorded.\n')
    expect((await runLapse(['list', '--site', 'acme'])).stdout).toBe(
      'No matching session ends. Filters: site:acme. No row was ever recorded for the selected site.\n',
    )

    const collector = await startLapseServe(file, url)
    const lastAccessAt = Date.UTC(2026, 0, 2, 13, 30, 0, 500)
    const times = { startedAt: lastAccessAt, lastAccessAt, detectedAt: lastAccessAt + 3_600_000 }
    const shifted = { ...times, sentAt: lastAccessAt + 3_600_000 }
    await postReport(url, createReport({ ...shifted, session: 's_1', subject: 'u_1' }), { Origin: origin })
    await postReport(url, createReport({ session: 's_2', subject: 'u_2', lastAccessAt: Date.now() }), {
      Origin: origin,
    })
    await stopLapseServe(collector)

    const { stdout } = await runLapse(['list'])
    const [head = '', newest = '', oldest = ''] = stdout.split('\n')
    expect(head.trim().replaceAll(/ +/g, ' ')).toBe(
      'id supersedes site subject session reason evidence last_access_at expired_at detected_at needs_review',
    )
    expect(newest).toMatch(/u_2 +s_2 +ended_early +self_reported +20\d\d-\d\d-\d\dT[\d:]{8}Z +- +20/)
    expect(oldest).toMatch(/u_1 +s_1 +idle_timeout/)
    expect((await runLapse(['list', '--subject', 'u_1', '--reason', 'idle_timeout'])).stdout).not.toMatch(
      'u_2',
    )
    expect((await runLapse(['list', '--limit', '1'])).stdout).not.toMatch('u_1')
    const json = ['list', '--format', 'json']
    const [january, latest] = await Promise.all([
      runLapse([...json, '--from', '2026-01']),
      runLapse([...json, '--from', '1h']),
    ])
    expect(january.stdout).toBe('[]\n')
    expect(JSON.parse(latest.stdout)).toMatchObject([{ session: 's_2' }, { session: 's_1' }])
  })

  test('A token is shown once, works, and stops working when it is revoked', async () => {
    const port = await findFreePort()
    const url = `http://127.0.0.1:${port}`
    const file = writeConfig({ sites, database: database.url, listen: { port } })
    await runLapse(['migrate'])
    const made = await runLapse(['token', 'create', '--scope', 'write', '--site', 'acme', '--name', 'cron'])
    const [, id = ''] = /^lapse_([0-9a-f]{16})_[\w-]{43}\n$/.exec(made.stdout) ?? []
    expect(made.stderr).toMatch(id)
    expect((await runLapse(['token', 'list'])).stdout).toMatch(
      new RegExp(`${id} +write +acme +cron +.*valid`),
    )
    const [listed] = JSON.parse((await runLapse(['token', 'list', '--json'])).stdout)
    expect(listed).toEqual({
      ...{ id, name: 'cron', scope: 'write', site: 'acme', state: 'valid' },
      ...{ createdAt: expect.any(String), expiresAt: null, revokedAt: null },
    })
    const headers = { 'Content-Type': 'application/json', Authorization: `Bearer ${made.stdout.trim()}` }
    const report = { site: 'acme', detectedBy: 'server', session: 's_3', reason: 'revoked' }

    const collector = await startLapseServe(file, url)
    expect((await postReport(url, report, headers)).status).toBe(201)
    expect(await runLapse(['token', 'revoke', id])).toMatchObject({ status: 0 })
    expect((await postReport(url, { ...report, session: 's_4' }, headers)).status).toBe(401)
    await stopLapseServe(collector)
    expect((await runLapse(['token', 'list'])).stdout).toMatch('revoked')
    expect(await runLapse(['token', 'revoke', 'nothing'])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching('Token nothing not found'),
    })
    expect(await runLapse(['token', 'create', '--scope', 'write', '--site', 'other'])).toMatchObject({
      status: 1,
      stderr: expect.stringMatching('no site "other"'),
    })
  })
})
