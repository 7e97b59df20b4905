import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { SignJWT } from 'jose'
import { describe, expect, inject, test, vi } from 'vitest'
import { findFreePort } from '../../../../test/servers.ts'
import { environment, issueToken, origin } from '../support/collector.ts'
import { runLapseIn } from '../support/command.ts'
import { createSelftest } from '../support/selftest.ts'

// Each test starts the command, some of them several times.
vi.setConfig({ testTimeout: 120_000 })

const sqlite = { name: 'SQLite' }

const waiting = /^Waiting until the sweep has recorded the timeout of the live session, at most \d+ s\.\n$/

const signTicket = (subject: string, issuedAt: number, sid = 'selftest-1') =>
  new SignJWT({ sid })
    .setProtectedHeader({ alg: 'HS256', typ: 'lapse+jwt' })
    .setIssuer('signed')
    .setSubject(subject)
    .setIssuedAt(issuedAt)
    .sign(new TextEncoder().encode(environment.TICKET_SECRET))

// The tests wait for the sweep, so they wait together.
describe.concurrent.each(inject('databaseServers'))('lapse selftest on $name', (server) => {
  test('The report shows a simulated timeout: what was sent, answered and stored', async (context) => {
    const { collector, run } = await createSelftest(server, context)
    const { status, stdout } = await run('acme')
    expect(status).toBe(0)
    const rows = await collector.database.readRows()
    const ofSelftest = { subject: 'selftest', reason: 'idle_timeout', client_version: 'selftest' }
    expect(rows).toMatchObject([
      { ...ofSelftest, detected_by: 'login_page' },
      { ...ofSelftest, detected_by: 'sweep' },
    ])
    const [row, swept] = rows
    expect(await collector.database.sql('session_live')).toEqual([])
    const returns = await collector.database.sql('session_return')
    expect(returns.map(({ audit_id: id }) => Number(id))).toEqual([Number(swept?.id)])
    const keys = [row?.session_key, swept?.session_key]
    for (const words of ['# Lapse self-test: passed', 'V-222445', collector.url, '1800 s', ...keys])
      expect(stdout).toContain(words)
    expect(stdout).not.toMatch('FAILED')
  })

  test('The command signs a ticket if the site requires one, and reads the row over HTTP if it has a token', async (context) => {
    const { folder, collector, run } = await createSelftest(server, context)
    const { token } = await issueToken(collector.store)
    const args = ['--token', token, '--format', 'json', '--output', 'report.json']
    const { status, stdout } = await run('signed', ...args)
    expect({ status, stdout }).toEqual({
      status: 0,
      stdout: 'The self-test passed. The report is in report.json.\n',
    })
    const report = JSON.parse(readFileSync(join(folder, 'report.json'), 'utf8'))
    const [row, swept] = await collector.database.readRows()
    expect(report).toMatchObject({
      verdict: 'pass',
      answers: [{ status: 201 }, { status: 200 }],
      row: { evidence: 'signed', session: row?.session, sessionKey: row?.session_key },
      live: {
        answers: [{ status: 204 }, { status: 200, body: { duplicate: true } }],
        row: { evidence: 'signed', detectedBy: 'sweep', sessionKey: swept?.session_key, returnedAt: null },
        returnedAt: expect.stringMatching(/Z$/),
      },
      collector: { version: expect.stringMatching(/^\d+\.\d+\.\d+/) },
    })
    expect(JSON.stringify(report)).not.toMatch('eyJ')
  })

  test('The command reads its token and its ticket from environment variables', async (context) => {
    const { folder, collector } = await createSelftest(server, context)
    const { token } = await issueToken(collector.store)
    const ticket = await signTicket('selftest', Math.floor(Date.now() / 1000) - 7200)
    const args = ['selftest', '--site', 'signed', '--url', collector.url]
    const withSecrets = [...args, '--token', 'env:READ_TOKEN', '--ticket', 'env:SELFTEST_TICKET']
    const variables = { ...environment, READ_TOKEN: token, SELFTEST_TICKET: ticket }
    expect(await runLapseIn(folder, withSecrets, variables)).toMatchObject({
      status: 0,
      stderr: expect.stringMatching(waiting),
    })
    const { status, stderr } = await runLapseIn(folder, withSecrets, { ...variables, READ_TOKEN: '' })
    expect({ status, stderr }).toEqual({
      status: 2,
      stderr: expect.stringMatching('Environment variable READ_TOKEN is not set'),
    })
  })
})

describe.concurrent('lapse selftest', () => {
  test.for([
    {
      fault: 'the collector has other limits',
      site: { idleTimeoutSeconds: 60 },
      options: [],
      words: /judged ended_early.*Restart it/,
    },
    {
      fault: 'the origin is refused',
      site: {},
      options: ['--origin', 'https://other.acme.com'],
      words: /403: .*the origin https:..other.acme.com/,
    },
    {
      fault: 'no origin is named',
      site: { origins: ['https://*.acme.com'] },
      options: [],
      words: /Name the origin of a page with --origin/,
    },
  ])('The command fails and says what to do when $fault', async ({ site, options, words }, context) => {
    const { run, writeConfig } = await createSelftest(sqlite, context)
    writeConfig({ sites: { acme: { origins: [origin], idleTimeoutSeconds: 1800, ...site } } })
    const { status, stderr } = await run('acme', ...options)
    expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringMatching(words) })
  })

  test.for([600, 1800, 1860])(
    'The simulated session times out idle, although its absolute timeout is %d s',
    async (absoluteTimeoutSeconds, context) => {
      const sites = { acme: { origins: [origin], idleTimeoutSeconds: 1800, absoluteTimeoutSeconds } }
      const { run, writeConfig } = await createSelftest(sqlite, context, { sites })
      writeConfig({ sites })
      const { status, stdout } = await run('acme')
      expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching('self-test: passed') })
    },
  )

  test('The command fails and says what to do, also in the report, when no collector responds', async (context) => {
    const { folder, writeConfig } = await createSelftest(sqlite, context)
    const port = await findFreePort()
    writeConfig({ listen: { port } })
    const { status, stdout, stderr } = await runLapseIn(folder, ['selftest', '--site', 'acme'], environment)
    expect({ status, stdout }).toEqual({
      status: 1,
      stdout: expect.stringContaining('# Lapse self-test: FAILED'),
    })
    expect(stderr).toMatch(`No collector responds at http://127.0.0.1:${port}. Start it with lapse serve`)
  })

  test("The command refuses the ticket of a user, so that no user's session is ended", async (context) => {
    const { collector, run } = await createSelftest(sqlite, context)
    const now = Math.floor(Date.now() / 1000)
    const another = await run('signed', '--ticket', await signTicket('u_42', now - 7200))
    expect(another.stderr).toMatch('The ticket belongs to a user, "u_42"')
    const fresh = await run('signed', '--ticket', await signTicket('selftest', now))
    expect(fresh.stderr).toMatch('too new')
    const session = await run('signed', '--ticket', await signTicket('selftest', now - 7200, 'a1f'))
    expect(session.stderr).toMatch('The ticket is for session "a1f"')
    expect(await collector.database.readRows()).toEqual([])
    const own = await signTicket('selftest', now - 7200)
    expect((await run('signed', '--ticket', own)).status).toBe(0)
    const again = await run('signed', '--ticket', own)
    expect(again.stderr).toMatch('It has a row already. Sign a ticket with another sid')
    expect(await collector.database.readRows()).toHaveLength(1)
  })
})
