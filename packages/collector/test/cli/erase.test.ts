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
      stdout: 'Would erase the personal data in 5 rows of the audit table and 0 live sessions.\n',
    })
    expect(await readAll()).toEqual(before)

    expect(await runErase('--subject', subject)).toMatchObject({
      status: 0,
      stdout: 'Erased the personal data in 5 rows of the audit table and 0 live sessions.\n',
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
    expect(again).toMatchObject({ status: 0, stdout: expect.stringMatching('^No row and no live session') })
  })

  test('--site limits the erasure to one site', async () => {
    await recordSessions()
    expect((await runErase('--subject', subject, '--site', 'recording')).stdout).toMatch(' in 1 rows ')
    expect((await readAll()).filter((row) => row.subject === subject)).toMatchObject([
      { site: 'acme' },
      { site: 'acme' },
    ])
  })

  test('A live session forgets its user, goes on, and the command advises to end it first', async () => {
    const activity = createActivity({ subject })
    await collector.use(activity)
    const erased = await runErase('--subject', subject)
    expect(erased).toMatchObject({
      status: 0,
      stdout: 'Erased the personal data in 0 rows of the audit table and 1 live sessions.\n',
      stderr: expect.stringMatching('^Warning: the user still has live sessions'),
    })
    const live = await collector.findLive(activity.session)
    expect(live).toMatchObject({ subject: null, user_agent: null, session: activity.session })
    await collector.endSession(createEnd({ ...activity, subject: undefined }))
    expect(await collector.findRows(activity.session)).toMatchObject([{ subject: null }])
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
