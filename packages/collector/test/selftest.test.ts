import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SignJWT } from 'jose'
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { freePort } from '../../../test/servers.ts'
import { createCollector, environment, issueToken, type TestCollector, writtenConfig } from './collector.ts'
import { runLapse, writeConfigIn } from './command.ts'

// Each test starts the command, some of them several times.
vi.setConfig({ testTimeout: 120_000 })

let folder: string
let collector: TestCollector
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
})
afterEach(async () => {
  await collector.end()
  rmSync(folder, { recursive: true })
})

const selftest = (site: string, ...args: string[]) =>
  runLapse(folder, ['selftest', '--site', site, '--url', collector.url, ...args], environment)

const signTicket = (subject: string, issuedAt: number, sid = 'selftest-1') =>
  new SignJWT({ sid })
    .setProtectedHeader({ alg: 'HS256', typ: 'lapse+jwt' })
    .setIssuer('signed')
    .setSubject(subject)
    .setIssuedAt(issuedAt)
    .sign(new TextEncoder().encode(environment.TICKET_SECRET))

describe.each(inject('databaseServers'))('lapse selftest on $name', (server) => {
  beforeEach(async () => {
    collector = await createCollector(server)
    writeConfigIn(folder, writtenConfig(collector.database.url))
  })

  test('reports a timeout that it played, with what was sent, answered and stored', async () => {
    const { status, stdout } = await selftest('acme')
    expect(status).toBe(0)
    const [row, ...others] = await collector.database.rows()
    expect(others).toEqual([])
    expect(row).toMatchObject({ subject: 'selftest', reason: 'idle_timeout', client_version: 'selftest' })
    for (const words of ['# Lapse self-test: passed', 'V-222445', collector.url, '1800 s', row?.session_key])
      expect(stdout).toContain(words)
    expect(stdout).not.toMatch('FAILED')
  })

  test('signs a ticket where the site requires one, and reads the row by HTTP with a token', async () => {
    const { token } = await issueToken(collector.store)
    const args = ['--token', token, '--format', 'json', '--output', 'report.json']
    const { status, stdout } = await selftest('signed', ...args)
    expect([status, stdout]).toEqual([0, 'Passed. The report is report.json.\n'])
    const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8'))
    const [row] = await collector.database.rows()
    expect(report).toMatchObject({
      verdict: 'pass',
      answers: [{ status: 201 }, { status: 200 }],
      row: { evidence: 'signed', session: row?.session, sessionKey: row?.session_key },
      collector: { version: expect.stringMatching(/^\d+\.\d+\.\d+/) },
    })
    expect(JSON.stringify(report)).not.toMatch('eyJ')
  })

  test('reads its token and its ticket from environment variables', async () => {
    const { token } = await issueToken(collector.store)
    const ticket = await signTicket('selftest', Math.floor(Date.now() / 1000) - 7200)
    const args = ['selftest', '--site', 'signed', '--url', collector.url]
    const withSecrets = [...args, '--token', 'env:READ_TOKEN', '--ticket', 'env:SELFTEST_TICKET']
    const variables = { ...environment, READ_TOKEN: token, SELFTEST_TICKET: ticket }
    expect(await runLapse(folder, withSecrets, variables)).toMatchObject({ status: 0, stderr: '' })
    const { status, stderr } = await runLapse(folder, withSecrets, { ...variables, READ_TOKEN: '' })
    expect([status, stderr]).toEqual([2, expect.stringMatching('Set the environment variable READ_TOKEN')])
  })
})

describe('lapse selftest', () => {
  beforeEach(async () => {
    collector = await createCollector({ name: 'SQLite' })
  })

  test.each([
    ['the collector has other limits', { idleTimeoutSeconds: 60 }, [], /judged ended_early.*Start it again/],
    [
      'the origin is refused',
      {},
      ['--origin', 'https://other.acme.com'],
      /403: .*the origin https:..other.acme.com/,
    ],
    ['no origin is named', { origins: ['https://*.acme.com'] }, [], /Name one of the pages with --origin/],
  ])('fails and says what to do when %s', async (_, changes, args, words) => {
    const site = { origins: ['https://app.acme.com'], idleTimeoutSeconds: 1800, ...changes }
    writeConfigIn(folder, { database: collector.database.url, sites: { acme: site } })
    const { status, stderr } = await selftest('acme', ...args)
    expect([status, stderr]).toEqual([1, expect.stringMatching(words)])
  })

  test('fails and says what to do when no collector answers, in a report as well', async () => {
    const port = await freePort()
    writeConfigIn(folder, writtenConfig(collector.database.url, { listen: { port } }))
    const { status, stdout, stderr } = await runLapse(folder, ['selftest', '--site', 'acme'], environment)
    expect([status, stdout]).toEqual([1, expect.stringContaining('# Lapse self-test: FAILED')])
    expect(stderr).toMatch(`No collector answers at http://127.0.0.1:${port}. Start it with: lapse serve`)
  })

  test("takes a ticket of its own subject only, so that no user's session is given an end", async () => {
    writeConfigIn(folder, writtenConfig(collector.database.url))
    const now = Math.floor(Date.now() / 1000)
    const another = await selftest('signed', '--ticket', await signTicket('u_42', now - 7200))
    expect(another.stderr).toMatch('this one is of a user, "u_42"')
    const fresh = await selftest('signed', '--ticket', await signTicket('selftest', now))
    expect(fresh.stderr).toMatch('too new')
    const session = await selftest('signed', '--ticket', await signTicket('selftest', now - 7200, 'a1f'))
    expect(session.stderr).toMatch('The ticket is of the session "a1f"')
    expect(await collector.database.rows()).toEqual([])
    expect((await selftest('signed', '--ticket', await signTicket('selftest', now - 7200))).status).toBe(0)
  })
})
