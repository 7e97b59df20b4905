import { randomUUID } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { issueToken } from '../support/collector.ts'
import { runLapseIn, writeConfigIn } from '../support/command.ts'
import {
  createActivity,
  createEnd,
  createSessionCollector,
  minute,
  type SessionCollector,
} from '../support/sessionCollector.ts'

// Each test starts the command several times.
vi.setConfig({ testTimeout: 120_000 })

describe.each(inject('databaseServers'))('lapse erase on $name', (server) => {
  let collector: SessionCollector
  let folder: string
  const runErase = (...args: string[]) => runLapseIn(folder, ['erase', ...args])
  const writeConfig = (url: string) =>
    writeConfigIn(folder, {
      database: url,
      sites: { acme: { origins: ['https://app.acme.com'], idleTimeoutSeconds: 1800 } },
    })
  beforeEach(async () => {
    collector = await createSessionCollector(server)
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    writeConfig(collector.database.url)
  })
  afterEach(async () => {
    await collector.end()
    rmSync(folder, { recursive: true })
  })

  const subject = 'u_personal'
  const readAll = () => collector.database.sql('session_audit').orderBy('id')
  const readSummary = async () => {
    const { token } = await issueToken(collector.store)
    const headers = { Authorization: `Bearer ${token}` }
    const { buckets } = await (await fetch(`${collector.url}/v1/summary`, { headers })).json()
    return buckets
  }
  const end = async (activity: Readonly<Record<string, unknown>>, lastAccess: number) => {
    const times = { lastAccessAt: Date.now() - lastAccess * minute }
    expect((await collector.endSession(createEnd(activity, times))).status).toBe(201)
  }

  /** Records two sessions of the user, one of them with corrections, and one of somebody else. */
  async function recordSessions() {
    const corrected = createActivity({ subject, session: `personal-${randomUUID()}` })
    await end({ ...corrected, subject: null, session: undefined }, 50)
    await end(corrected, 20)
    await end({ ...corrected, subject: 'u_other' }, 5)
    await end(createActivity({ subject, site: 'recording' }), 40)
    await end(createActivity({ subject: 'u_other' }), 40)
    // The user is known only from the report with the marker alone.
    const anonymous = createActivity({ subject: null })
    await end({ ...anonymous, subject, session: undefined }, 50)
    await end(anonymous, 20)
    return corrected
  }

  test('The personal columns are emptied, and the rows and the summaries remain', async () => {
    const corrected = await recordSessions()
    const before = await readAll()
    const summary = await readSummary()
    expect(await runErase('--subject', subject, '--dry-run')).toMatchObject({
      status: 0,
      stdout: 'Would erase personal data. Rows of the audit table: 5. Live sessions: 0.\n',
    })
    expect(await readAll()).toEqual(before)

    expect(await runErase('--subject', subject)).toMatchObject({
      status: 0,
      stdout: 'Erased personal data. Rows of the audit table: 5. Live sessions: 0.\n',
      stderr: '',
    })
    const after = await readAll()
    const emptied = { marker: null, session: null, subject: null, ip: null, user_agent: null }
    const isErased = [true, true, false, true, false, true, true]
    expect(after).toEqual(
      before.map((row, index) =>
        isErased[index]
          ? { ...row, ...emptied, session_key: expect.stringMatching(/^erased-[\da-f-]{36}$/) }
          : row,
      ),
    )
    expect(await readSummary()).toEqual(summary)
    const text = JSON.stringify(after.filter((_, index) => isErased[index]))
    for (const value of [subject, corrected.session, corrected.marker]) expect(text).not.toContain(value)
    const again = await runErase('--subject', subject)
    expect(again).toMatchObject({
      status: 0,
      stdout: expect.stringMatching('^No row and no live session matches'),
    })
  })

  test('--site limits the erasure to one site', async () => {
    await recordSessions()
    expect((await runErase('--subject', subject, '--site', 'recording')).stdout).toMatch(
      'Rows of the audit table: 1.',
    )
    expect((await readAll()).filter((row) => row.subject === subject)).toMatchObject([
      { site: 'acme' },
      { site: 'acme' },
    ])
  })

  test('A live session forgets its user and goes on, and --session erases its row once it has ended', async () => {
    const session = randomUUID()
    const activity = createActivity({ subject, session })
    await collector.use(activity)
    expect(await runErase('--subject', subject)).toMatchObject({
      status: 0,
      stdout: 'Erased personal data. Rows of the audit table: 0. Live sessions: 1.\n',
      stderr: expect.stringMatching(
        new RegExp(`^Warning: these sessions are still live.* --session .*:\n  ${session}\n$`),
      ),
    })
    const live = await collector.findLive(session)
    expect(live).toMatchObject({ subject: null, user_agent: null, session })
    await collector.endSession(createEnd({ ...activity, subject: undefined }))
    expect(await collector.findRows(session)).toMatchObject([{ subject: null }])
    expect(await runErase('--session', session)).toMatchObject({
      status: 0,
      stdout: 'Erased personal data. Rows of the audit table: 1. Live sessions: 0.\n',
      stderr: '',
    })
    expect(JSON.stringify(await readAll())).not.toContain(session)
  })

  test('--session also erases the row that was recorded before the alias was known', async () => {
    const session = randomUUID()
    const activity = createActivity({ subject, session })
    await end({ ...activity, session: undefined }, 50)
    await end(activity, 20)
    expect((await readAll()).map((row) => row.session_key)).toEqual([activity.marker, session])
    expect((await runErase('--session', session)).stdout).toMatch('Rows of the audit table: 2.')
    expect(JSON.stringify(await readAll())).not.toContain(activity.marker)
    expect(JSON.stringify(await readAll())).not.toContain(subject)
  })

  test('The rows of a session keep a common key, however many rows the user has', async () => {
    for (let count = 0; count < 199; count++) await end(createActivity({ subject }), 40)
    const corrected = createActivity({ subject })
    await end(corrected, 20)
    await end(corrected, 5)
    expect((await runErase('--subject', subject)).stdout).toMatch('Rows of the audit table: 201.')
    const rows = await readAll()
    expect(rows.at(-1)).toMatchObject({ session_key: rows.at(-2).session_key, supersedes: rows.at(-2).id })
    expect(new Set(rows.map((row) => row.session_key)).size).toBe(200)
  })

  test('The aliases of live sessions, which may come from strangers, cannot control the terminal', async () => {
    await collector.use(createActivity({ subject, session: 'a\u009b31m' }))
    expect((await runErase('--subject', subject)).stderr).not.toMatch('\u009b')
  })

  test('The command has help, and refuses an invalid user and that of self-tests, whose rows must not be counted', async () => {
    expect(await runErase('--help')).toMatchObject({ status: 0, stdout: expect.stringMatching('--dry-run') })
    expect(await runErase()).toMatchObject({ status: 2, stderr: expect.stringMatching('--subject') })
    for (const invalid of ['', 'selftest', 'a\nb'])
      expect(await runErase('--subject', invalid)).toMatchObject({
        status: 2,
        stderr: expect.stringMatching(/^error: --subject: /),
      })
    const injected = await runErase('--subject', "' or 1=1 -- ")
    expect(injected.stdout).toMatch(/^No row and no live session/)
  })

  test.runIf(server.url === undefined)('Nothing of the user remains in the file of SQLite', async () => {
    await recordSessions()
    await collector.close()
    const file = collector.database.url.replace('sqlite:', '')
    const hasSubject = () => [file, `${file}-wal`].some((name) => readFileSync(name).includes(subject))
    await collector.database.sql.raw('pragma wal_checkpoint(passive)')
    expect(readFileSync(file).includes(subject)).toBe(true)
    await runErase('--subject', subject)
    expect(hasSubject()).toBe(false)
  })

  test.skipIf(server.url === undefined)(
    'An account without the privilege changes nothing, and the message says what to grant',
    async () => {
      await recordSessions()
      const before = await readAll()
      const { sql, url } = collector.database
      const user = `eraser_${randomUUID().slice(0, 8)}`
      await sql.raw("create user ??@'127.0.0.1' identified by 'secret'", [user])
      const name = new URL(url).pathname.slice(1)
      await sql.raw("grant select, insert on ??.* to ??@'127.0.0.1'", [name, user])
      writeConfig(url.replace('//root@', `//${user}:secret@`))
      const refused = await runErase('--subject', subject)
      expect(refused).toMatchObject({
        status: 1,
        stderr: expect.stringMatching('Grant SELECT and UPDATE on the tables session_audit and session_live'),
      })
      expect(await readAll()).toEqual(before)
      await sql.raw("drop user ??@'127.0.0.1'", [user])
    },
  )
})
