import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { lapsePath } from '../../../../test/collector.ts'
import { createDatabase, type TestDatabase } from '../../../../test/databases.ts'
import type { DatabaseServer } from '../../../../test/servers.ts'
import { openStore, parseConfig } from '../../src/index.ts'
import { createConfig } from '../support/collector.ts'
import { insertRows } from '../support/rows.ts'

const noon = Date.UTC(2026, 0, 2, 12)

describe.each(inject('databaseServers'))('lapse list on $name', (server) => {
  const table = useFilledTable(server)

  test('The command prints all rows as NDJSON, or only the matching rows', async () => {
    const all = await table.run('--format', 'ndjson')
    expect(all.status).toBe(0)
    expect(parseSessions(all.stdout)).toEqual(Array.from({ length: 1200 }, (_, index) => `s${index}`))

    const filters = ['--site', 'acme', '--subject', 'u_1', '--reason', 'logout', '--evidence', 'signed']
    const times = ['--from', '2026-01-02T11:59:59.900Z', '--to', '2026-01-02T12:00:00Z', '--limit', '3']
    const some = await table.run('--format', 'ndjson', ...filters, ...times)
    expect(parseSessions(some.stdout)).toEqual(['s1', 's5', 's13'])
  })

  test('--follow prints each new row once, even a row that is committed after a higher id', async () => {
    const { sql } = table.database()
    const listing = table.start('--follow', '--limit', '2', '--format', 'ndjson', '--reason', 'idle_timeout')
    await listing.waitForOutput('"s0"')
    const insert = (session: string, id: number, reason = 'idle_timeout') =>
      insertRows(sql, [{ session, id, reason, detected_at: noon + id }])
    await insert('first', 2020)
    await listing.waitForOutput('"first"')
    await insert('late', 2010)
    await insert('other', 2021, 'logout')
    await listing.waitForOutput('"late"')

    await sql.schema.renameTable('session_audit', 'elsewhere')
    await listing.waitForOutput('Retrying')
    await sql.schema.renameTable('elsewhere', 'session_audit')
    await insert('last', 2022)
    await listing.waitForOutput('"last"')

    listing.child.kill('SIGINT')
    expect(await listing.status).toBe(0)
    expect(parseSessions(listing.output.stdout)).toEqual(['s2', 's0', 'first', 'late', 'last'])
  })

  test('--follow prints a corrected row and its correction, which names the row', async () => {
    const { sql } = table.database()
    const listing = table.start('--follow', '--limit', '1')
    await listing.waitForOutput('needs_review')
    await insertRows(sql, [
      { session: 'wrong', id: 3000, detected_at: noon },
      { session: 'wrong', id: 3001, revision: 2, supersedes: 3000, reason: 'logout', detected_at: noon },
    ])
    await listing.waitForOutput('3001')
    listing.child.kill('SIGINT')
    await listing.status
    const { stdout } = listing.output
    expect(stdout).toMatch(/^id +supersedes +site .* needs_review/)
    expect(stdout).toMatch(/^3000 +- +acme .* wrong +idle_timeout /m)
    expect(stdout).toMatch(/^3001 +3000 +acme .* wrong +logout .* yes *$/m)

    const current = await table.run('--session', 'wrong')
    expect(current.stdout).not.toMatch(/^3000/m)
    const all = await table.run('--session', 'wrong', '--revisions', 'all')
    expect(all.stdout).toMatch(/^3000 .* 3001 *$/m)
    expect(all.stdout).toMatch(/^3001 /m)
  })

  test('--follow with a filter prints the correction of a row that matches, even if it does not match itself', async () => {
    const { sql } = table.database()
    const listing = table.start('--follow', '--limit', '1', '--reason', 'idle_timeout', '--format', 'ndjson')
    await listing.waitForOutput('idle_timeout')
    await insertRows(sql, [
      { session: 'timeout', id: 3100, detected_at: noon },
      { session: 'unrelated', id: 3101, reason: 'logout', detected_at: noon },
      { session: 'timeout', id: 3102, revision: 2, supersedes: 3100, reason: 'revoked', detected_at: noon },
      { session: 'unrelated', id: 3103, revision: 2, supersedes: 3101, reason: 'revoked', detected_at: noon },
      { session: 'last_timeout', id: 3104, detected_at: noon },
    ])
    await listing.waitForOutput('"last_timeout"')
    listing.child.kill('SIGINT')
    await listing.status
    expect(parseSessions(listing.output.stdout).slice(1)).toEqual(['timeout', 'timeout', 'last_timeout'])
    expect(listing.output.stdout).toMatch('"supersedes":3100')
  })
})

describe('lapse list', () => {
  const table = useFilledTable({ name: 'SQLite' })

  test('The default output is a table of the newest 50 rows', async () => {
    const lines = (await table.run()).stdout.split('\n')
    expect(lines).toHaveLength(52)
    expect(lines[1]).toMatch(/ s0 +idle_timeout +server +/)
  })

  test('The command prints CSV and SIEM formats', async () => {
    expect((await table.run('--session', 's7', '--format', 'csv')).stdout.split('\r\n')).toEqual([
      expect.stringMatching(/^id,site,sessionKey,/),
      expect.stringMatching(/^\d+,acme,s7,/),
      '',
    ])
    const { stdout } = await table.run('--session', 's7', '--format', 'owasp')
    expect(stdout).toMatch('session_expired:u_3,logout')
  })

  test('The command names every invalid filter and exits with status 2', async () => {
    const { status, stderr } = await table.run(...['--site', '', '--search', 'x:y'])
    expect(status).toBe(2)
    for (const option of ['--site: ', '--search: ']) expect(stderr).toMatch(option)
  })

  test('A typo in a site or a search is a usage error, and an empty list says what was searched for', async () => {
    const [site, search, empty, emptyCsv] = await Promise.all([
      table.run('--site', 'acmee'),
      table.run('--search', 'site:acme reson:logout'),
      table.run('--search', 'site:acme user:nobody'),
      table.run('--subject', 'nobody', '--format', 'csv'),
    ])
    expect(site).toMatchObject({
      status: 2,
      stderr: 'error: --site: names an unknown site (site:acmee); the known sites are acme, lapse\n',
    })
    expect(search).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('--search: has an invalid term reson:logout: the key is unknown'),
    })
    const newest = 'was detected at 2026-01-02T12:00:00.000Z.\n'
    expect(empty).toMatchObject({
      status: 0,
      stdout: `No matching session ends. Filters: site:acme user:nobody. The newest row of the selected site ${newest}`,
    })
    expect(emptyCsv).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/^id,[^\n]*\n$/),
      stderr: `No matching session ends. Filters: user:nobody. The newest row ${newest}`,
    })
  })

  test.each([
    [['--reason', 'idle_timeout', '--reason', 'logout'], "'--reason <reason>' must not be repeated"],
    [['--site', 'acme', '--site=acme'], "'--site <site>' must not be repeated"],
  ])('An option that is repeated is a usage error: %j', async (args, message) => {
    const { status, stdout, stderr } = await table.run(...args)
    expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
    expect(stderr).toContain(message)
  })

  test('Conditions on the site that exclude each other are not taken for a site without rows', async () => {
    const { stdout } = await table.run('--site', 'acme', '--search', '-site:acme')
    expect(stdout).toMatch('There is no row for which all conditions on the site are met.')
  })

  test('--search selects rows, and --selftests adds those of self-tests', async () => {
    const selftest = { client_version: 'selftest', subject: 'selftest', detected_at: noon + 1 }
    await insertRows(table.database().sql, [{ ...selftest, session: 'selftest-1' }])
    const [some, without, including] = await Promise.all([
      table.run('--format', 'json', '--limit', '3', '--search', 'user:u_1 -reason:idle_timeout s1*'),
      table.run('--format', 'ndjson', '--limit', '1'),
      table.run('--format', 'ndjson', '--limit', '1', '--selftests'),
    ])
    expect(JSON.parse(some.stdout).map(({ session }: { session: string }) => session)).toEqual([
      's1',
      's13',
      's17',
    ])
    expect(parseSessions(without.stdout)).toEqual(['s0'])
    expect(parseSessions(including.stdout)).toEqual(['selftest-1'])
    await table.database().sql('session_audit').where({ session: 'selftest-1' }).delete()
  })

  test('--output writes the rows to a file, and what they are to another one', async () => {
    const filters = ['--site', 'acme', '--search', 'user:u_1', '--from', '2026-01']
    const { status, stdout } = await table.run(...filters, '--output', 'rows.csv')
    expect({ status, stdout }).toEqual({ status: 0, stdout: '' })
    const { file, description } = table.readExport('rows.csv')
    const lines = file.trimEnd().split('\r\n')
    expect(description).toEqual({
      ...{ site: 'acme', from: '2026-01-01T00:00:00.000Z', to: '2026-02-01T00:00:00.000Z', timeZone: 'UTC' },
      filters: 'site:acme user:u_1 from:2026-01-01T00:00:00.000Z to:2026-02-01T00:00:00.000Z',
      ...{ revisions: 'current', selftests: 'exclude', format: 'csv' },
      generatedAt: expect.stringMatching(/^\d{4}-/),
      rows: lines.length - 1,
    })
    expect(lines.length).toBeGreaterThan(100)
    expect(await table.run('--output', 'rows.txt')).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('choose a format with --format'),
    })
  })

  test('The command exits with status 0 when the reader closes the pipe', async () => {
    const listing = table.start('--format', 'ecs')
    await once(listing.child.stdout, 'data')
    listing.child.stdout.destroy()
    expect(await listing.status).toBe(0)
    expect(listing.output.stderr).toBe('')
  })
})

/** Creates a table with 1200 rows before the tests of a suite, and runs `lapse list` on it. */
function useFilledTable(server: DatabaseServer) {
  let folder: string
  let database: TestDatabase
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    database = await createDatabase(server)
    const { sites } = createConfig(database.url)
    const written = { database: database.url, sites: { acme: sites.acme } }
    writeFileSync(join(folder, 'lapse.config.json'), JSON.stringify(written))
    const config = parseConfig(written)
    const store = openStore(config.database, config.table)
    await store.schema.migrate()
    await store.close()
    await insertRows(
      database.sql,
      Array.from({ length: 1200 }, (_, index) => ({
        session: `s${index}`,
        detected_at: noon - index,
        reason: index % 2 ? 'logout' : 'idle_timeout',
        evidence: index % 3 ? 'signed' : 'server',
        subject: `u_${index % 4}`,
      })),
    )
  })
  afterAll(async () => {
    await database.drop()
    rmSync(folder, { recursive: true })
  })
  const start = (...args: string[]) =>
    new Listing(spawn(process.execPath, [lapsePath, 'list', ...args], { cwd: folder }))
  return {
    database: () => database,
    start,
    /** Reads a file that `--output` wrote, and its description. */
    readExport: (name: string) => ({
      file: readFileSync(join(folder, name), 'utf8'),
      description: JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')),
    }),
    async run(...args: string[]) {
      const listing = start(...args)
      return { status: await listing.status, ...listing.output }
    },
  }
}

/** A running `lapse list` and its output so far. */
class Listing {
  readonly output = { stdout: '', stderr: '' }
  readonly status: Promise<number | null>
  readonly child: ChildProcessWithoutNullStreams

  constructor(child: ChildProcessWithoutNullStreams) {
    this.child = child
    for (const name of ['stdout', 'stderr'] as const)
      child[name].on('data', (chunk) => {
        this.output[name] += chunk
      })
    this.status = once(child, 'close').then(([code]) => code)
  }

  /** Waits until a text is in the output. */
  async waitForOutput(text: string): Promise<void> {
    for (let attempt = 0; attempt < 400; attempt++) {
      if (this.output.stdout.includes(text) || this.output.stderr.includes(text)) return
      await sleep(50)
    }
    throw new Error(`lapse list did not print ${text}: ${JSON.stringify(this.output)}`)
  }
}

function parseSessions(lines: string): string[] {
  return lines
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line).session)
}
