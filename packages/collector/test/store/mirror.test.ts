import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { readStoredTime } from '../../../../test/databases.ts'
import { createCollector, createReport, type InProcessCollector, issueToken } from '../support/collector.ts'
import { runLapseIn, writeConfigIn } from '../support/command.ts'

// Each test starts the command several times.
vi.setConfig({ testTimeout: 120_000 })

describe.each(inject('databaseServers'))("A mirror into the application's table on $name", (server) => {
  const isSqlite = server.url === undefined
  let folder: string
  let collector: InProcessCollector
  const runLapse = (...args: string[]) => runLapseIn(folder, args)
  const runSql = (statement: string) => collector.database.sql.raw(statement)
  const readCopies = (table = 'audit') => collector.database.sql(table).orderBy('id')
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    collector = await createCollector(server)
    const site = { origins: ['https://app.acme.com'], idleTimeoutSeconds: 1800 }
    writeConfigIn(folder, { database: collector.database.url, sites: { acme: site } })
    const id = isSqlite ? 'integer primary key' : 'bigint primary key auto_increment'
    const time = isSqlite ? 'text' : 'datetime(3)'
    await runSql(
      `create table audit (id ${id}, user_id varchar(40) not null check (user_id <> 'u_refused'), event varchar(40), at ${time}, source varchar(40))`,
    )
  })
  afterEach(async () => {
    await collector.end()
    rmSync(folder, { recursive: true })
  })

  const sets = ['--set', 'user_id=subject', '--set', 'event=reason', '--set', 'at=expired_at']
  const createMirror = (...args: string[]) =>
    runLapse('mirror', '--table', 'audit', ...sets, '--where', 'reason=idle_timeout', ...args)

  test('A mirror copies each new matching row once, with unchanged values', async () => {
    const source = `it's "100 %" \\ ?`
    const made = await createMirror('--set-value', `source=${source}`)
    expect(made).toMatchObject({
      status: 0,
      stdout: expect.stringMatching(/Created trigger lapse_\w+\. It copies/),
    })
    expect(made.stderr).toMatch('"user_id" is NOT NULL, and subject can be null')

    const report = createReport()
    const answers = await Promise.all(
      [report, report, createReport({ lastAccessAt: Date.now() })].map(postAndReadVerdict),
    )
    await collector.post(report)
    const selftest = { client: 'selftest', subject: 'selftest', session: `selftest-${randomUUID()}` }
    await collector.post(createReport(selftest))
    const rows = await collector.database.readRows()
    const [row] = rows.filter(({ session }) => session === report.session)
    const [copy, ...others] = await readCopies()
    expect(others).toEqual([])
    expect(copy).toMatchObject({ user_id: 'u_42', event: 'idle_timeout', source })
    expect(readStoredTime(copy.at)).toBe(readStoredTime(row?.expired_at))
    // Nobody can hide a row by pretending that it is a self-test.
    await collector.post(createReport({ client: 'selftest', subject: 'u_7' }))
    await collector.post(createReport({ ...selftest, session: randomUUID() }))
    await collector.post(createReport({ ...selftest, session: undefined }))
    const { token } = await issueToken(collector.store, { scope: 'write' })
    const byServer = { ...selftest, session: `selftest-${randomUUID()}`, detectedBy: 'server' }
    const answer = await collector.post(createReport(byServer), { Authorization: `Bearer ${token}` })
    expect(answer.status).toBe(201)
    const subjects = (await readCopies()).map(({ user_id: subject }) => subject)
    expect(subjects).toEqual(['u_42', 'u_7', 'selftest', 'selftest', 'selftest'])
    // The id in the response is that of the audit table, although the trigger inserts rows too.
    for (const { id } of answers) expect(rows.map((stored) => Number(stored.id))).toContain(id)
  })

  const postAndReadVerdict = async (report: unknown) => (await collector.post(report)).json()

  test('A report whose copy is refused fails alone and leaves no row', async () => {
    await createMirror()
    const refused = createReport({ subject: 'u_refused' })
    const reports = [
      ...Array.from({ length: 20 }, () => createReport()),
      refused,
      createReport({ subject: null }),
    ]
    const responses = await Promise.all(reports.map((report) => collector.post(report)))
    expect(responses.map(({ status }) => status)).toEqual([...Array(20).fill(201), 503, 503])
    expect(await collector.database.readRows()).toHaveLength(20)
    expect(await readCopies()).toHaveLength(20)

    expect((await runLapse('mirror', '--table', 'audit', '--drop')).status).toBe(0)
    expect((await collector.post(refused)).status).toBe(201)
    expect(await readCopies()).toHaveLength(20)
    const again = await runLapse('mirror', '--table', 'audit', '--drop')
    expect(again).toMatchObject({ status: 1, stderr: expect.stringMatching('There is no mirror') })
  })

  test('Creating a mirror again replaces it, mirrors into other tables stay, and --print changes nothing', async () => {
    await runSql('create table `odd ``name` (id integer, `a "b" c` varchar(40))')
    const odd = ['mirror', '--table', 'odd `name', '--set', 'a "b" c=site']
    const printed = await runLapse(...odd, '--print')
    await collector.post(createReport())
    expect(await collector.database.sql('odd `name')).toEqual([])
    await runSql(printed.stdout.replace(/;\n$/, ''))

    await createMirror()
    expect((await createMirror('--set-value', 'source=second')).status).toBe(0)
    await collector.post(createReport())
    expect(await readCopies()).toMatchObject([{ source: 'second' }])
    expect(await collector.database.sql('odd `name')).toMatchObject([{ 'a "b" c': 'acme' }])
  })

  test('A mirror can be created and dropped while rows are written', async () => {
    const { mirrors } = collector.store
    const plan = await mirrors.plan({
      table: 'audit',
      columns: [{ column: 'user_id', source: 'subject' }],
      where: [],
    })
    let isDone = false
    const writeRows = async (): Promise<number> => {
      let rows = 0
      for (; !isDone; rows += 1) expect((await collector.post(createReport())).status).toBe(201)
      return rows
    }
    const writing = writeRows()
    try {
      for (let attempt = 0; attempt < 30; attempt += 1) {
        await mirrors.create(plan)
        await mirrors.drop(await mirrors.find('audit'))
      }
    } finally {
      isDone = true
    }
    const writtenRows = await writing
    expect(await collector.database.readRows()).toHaveLength(writtenRows)
  })

  test('A mirror whose table was dropped can be dropped, and copies again when the table returns', async () => {
    expect((await createMirror()).status).toBe(0)
    await runSql('drop table audit')
    const report = createReport()
    expect((await collector.post(report)).status).toBe(503)
    await runSql('create table audit (id integer, user_id varchar(40), event varchar(40), at varchar(40))')
    expect((await collector.post(report)).status).toBe(201)
    expect(await readCopies()).toMatchObject([{ user_id: 'u_42' }])

    await runSql('drop table audit')
    const printed = await runLapse('mirror', '--table', 'audit', '--drop', '--print')
    expect(printed.stdout).toMatch(/^drop trigger \S+;\n$/)
    expect((await collector.post(createReport())).status).toBe(503)
    expect((await runLapse('mirror', '--table', 'audit', '--drop')).status).toBe(0)
    expect((await collector.post(createReport())).status).toBe(201)
  })

  test('A condition must be a value that its column can hold', async () => {
    const createMirrorWhere = (...conditions: string[]) =>
      runLapse('mirror', '--table', 'audit', ...sets, ...conditions.flatMap((text) => ['--where', text]))
    const { status, stderr } = await createMirrorWhere(
      'reason=idle_timout',
      'browser_restarted=yes',
      'elapsed_ms=long',
      'detected_at=today',
    )
    expect(status).toBe(1)
    for (const words of [
      /reason=idle_timout: .*idle_timeout/,
      /browser_restarted=yes: .*true/,
      'elapsed_ms=long: must be an integer',
      'detected_at=today: cannot be compared',
    ])
      expect(stderr).toMatch(words)
    expect((await createMirrorWhere('browser_restarted=true', 'elapsed_ms=2400000')).status).toBe(0)
    for (const browserRestarted of [true, false]) {
      const report = createReport({ browserRestarted, subject: `u_${browserRestarted}` })
      expect((await collector.post(report)).status).toBe(201)
    }
    expect(await readCopies()).toMatchObject([{ user_id: 'u_true' }])
  })

  test('A mirror is checked before it is created: both tables, their columns, and required values', async () => {
    const lacking = await runLapse('mirror', '--table', 'nothing', ...sets)
    expect(lacking).toMatchObject({ status: 1, stderr: expect.stringMatching('There is no table nothing') })
    const args = ['--set', 'color=reason', '--set', 'event=who', '--where', 'why=x']
    const { status, stderr } = await runLapse('mirror', '--table', 'audit', ...args)
    expect(status).toBe(1)
    for (const words of [
      /audit has no column "color". Its columns: id, user_id, event, at, source/,
      /session_audit has no column "who". Its columns: id, site, /,
      /session_audit has no column "why"/,
      /"user_id" is NOT NULL and has no default: set it/,
    ])
      expect(stderr).toMatch(words)
    const name = isSqlite ? 'SESSION_audit' : 'session_audit'
    const itself = await runLapse('mirror', '--table', name, '--set', 'site=site')
    expect(itself.stderr).toMatch('cannot be copied into itself')
    expect((await runLapse('mirror', '--table', 'audit', '--set', 'event')).status).toBe(2)
  })
})

const mysqlServers = inject('databaseServers').filter((server) => server.url !== undefined)

describe.each(mysqlServers)('A mirror on $name', (server) => {
  let folder: string
  let collector: InProcessCollector
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    collector = await createCollector(server)
  })
  afterEach(async () => {
    await collector.end()
    rmSync(folder, { recursive: true })
  })
  const sites = { acme: { origins: ['https://app.acme.com'], idleTimeoutSeconds: 1800 } }
  const args = ['mirror', '--table', 'audit', '--set', 'at=detected_at']

  test('A copy into a TIMESTAMP is the same instant, whatever the time zone of the connection', async () => {
    const { sql, url } = collector.database
    writeConfigIn(folder, { database: url, sites })
    await sql.raw('create table audit (id int primary key auto_increment, at timestamp(3) null)')
    expect((await runLapseIn(folder, args)).status).toBe(0)
    await collector.post(createReport())
    await sql.transaction(async (connection) => {
      await connection.raw("set time_zone = '+05:00'")
      await connection.raw(
        `insert into session_audit (site, session_key, reason, evidence, detected_by, detected_at, received_at, clock_skew_ms)
        select site, 'second', reason, evidence, detected_by, detected_at, received_at, 0 from session_audit`,
      )
      await connection.raw("set time_zone = '+00:00'")
    })
    const [row] = await collector.database.readRows()
    const [[first, second]] = await sql.raw('select unix_timestamp(at) * 1000 as at from audit order by id')
    expect([Number(first.at), Number(second.at)]).toEqual(Array(2).fill(readStoredTime(row?.detected_at)))
  })

  test('Warnings name every value that the table may refuse', async () => {
    writeConfigIn(folder, { database: collector.database.url, sites })
    await collector.database.sql.raw(
      "create table audit (user_id int, at datetime(3), event enum('login'), source int, note date, unique (user_id, at))",
    )
    const sets = ['user_id=subject', 'at=detected_at', 'event=reason']
    const values = ['source=5', 'note=never']
    const { status, stderr } = await runLapseIn(folder, [
      ...['mirror', '--table', 'audit'],
      ...sets.flatMap((set) => ['--set', set]),
      ...values.flatMap((set) => ['--set-value', set]),
    ])
    expect(status).toBe(0)
    expect(stderr.match(/(?<=Warning: ).*?(?=\. If the table)/g)).toEqual([
      '"user_id" holds numbers, and subject is text',
      '"event" holds enum values, and reason is text',
      '"note" holds times, and "never" is text',
      'no two rows may have the same "user_id" and "at"',
    ])
  })

  test('A table without transactions is refused', async () => {
    writeConfigIn(folder, { database: collector.database.url, sites })
    await collector.database.sql.raw('create table audit (at datetime) engine=MyISAM')
    expect((await runLapseIn(folder, args)).stderr).toMatch('audit has no transactions')
  })

  test('A missing privilege is named: to write the table, or to create triggers', async () => {
    const { sql, url } = collector.database
    const name = new URL(url).pathname.slice(1)
    // Without quotes, digits that contain an e would be a number.
    const account = `'${name.slice(-12)}'@'127.0.0.1'`
    await sql.raw('create table audit (at datetime(3))')
    await sql.raw(`create user ${account} identified by 'secret'`)
    await sql.raw(`grant select, trigger on ${name}.* to ${account}`)
    writeConfigIn(folder, { database: url.replace('//root@', `//${name.slice(-12)}:secret@`), sites })
    try {
      expect((await runLapseIn(folder, args)).stderr).toMatch(/INSERT command denied/)
      await sql.raw(`grant insert on ${name}.audit to ${account}`)
      const [[{ isLogged }]] = await sql.raw('select @@log_bin as isLogged')
      const { status, stderr } = await runLapseIn(folder, args)
      if (isLogged) expect(stderr).toMatch('set global log_bin_trust_function_creators = 1')
      else expect(status).toBe(0)
    } finally {
      await sql.raw(`drop user ${account}`)
    }
  })
})
