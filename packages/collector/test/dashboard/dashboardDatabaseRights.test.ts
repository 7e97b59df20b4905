import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import { createDatabase, type TestDatabase } from '../../../../test/databases.ts'
import { type Collector, openStore, parseConfig, type Store, startCollector } from '../../src/index.ts'
import {
  createCollector,
  createConfig,
  createReport,
  environment,
  issueToken,
  origin,
  postReport,
} from '../support/collector.ts'
import { postSignIn, postSignOut, readSetCookie } from '../support/dashboardCookie.ts'

const mysqlServers = inject('databaseServers').filter((server) => server.url !== undefined)
const sessionTable = 'session_audit_dashboard'

describe.each(mysqlServers)(
  'On $name, with an account that has no rights on the table of dashboard sessions',
  (server) => {
    let database: TestDatabase
    let owner: Store
    let collector: Collector
    let account: string
    const logLines: string[] = []
    beforeAll(async () => {
      database = await createDatabase(server)
      const { host, pathname } = new URL(database.url)
      account = pathname.slice(1, 32)
      const { database: location, table } = parseConfig(createConfig(database.url), environment)
      owner = openStore(location, table)
      await owner.schema.migrate()
      await database.sql.raw("create user ? identified by 'a password'", [account])
      for (const table of ['session_audit', 'session_audit_tokens', 'session_audit_migrations'])
        await database.sql.raw('grant select, insert on ?? to ?', [table, account])
      for (const table of ['session_live', 'session_logout', 'session_return'])
        await database.sql.raw('grant select, insert, update, delete on ?? to ?', [table, account])
      const url = `mysql://${account}:a%20password@${host}${pathname}`
      const log = pino({ level: 'error' }, { write: (line) => void logLines.push(line) })
      collector = await startCollector(parseConfig(createConfig(url), environment), log)
    })
    afterAll(async () => {
      await collector.close()
      await owner.close()
      await database.sql.raw('drop user ?', [account])
      await database.drop()
    })

    test('the collector records and reads, but rejects sign-ins with 503 and logs which rights to grant', async () => {
      const { token } = await issueToken(owner)
      const response = await postSignIn(collector.url, token)
      expect({
        status: response.status,
        retryAfter: response.headers.get('retry-after'),
        setCookie: response.headers.get('set-cookie'),
      }).toEqual({ status: 503, retryAfter: '5', setCookie: null })
      expect(await response.text()).not.toMatch(/session_audit|denied/)
      const lines = logLines.join('')
      expect(lines).toMatch(/The database mysql:\/\/.* failed: .*command denied/)
      expect(lines).toContain(`Grant SELECT, INSERT, UPDATE and DELETE on the table ${sessionTable}`)
      expect(lines).not.toMatch(/insert into|update `|delete from|[0-9a-f]{64}/)

      expect((await postReport(collector.url, createReport(), { Origin: origin })).status).toBe(201)
      const headers = { Authorization: `Bearer ${token}` }
      expect((await fetch(`${collector.url}/v1/lapses`, { headers })).status).toBe(200)
      expect((await fetch(`${collector.url}/readyz`)).status).toBe(200)
      expect((await fetch(`${collector.url}/dashboard/session`)).status).toBe(204)
    })

    test.each(['select', 'insert', 'update', 'delete'])(
      'the collector opens no session if the %s right is missing',
      async (missing) => {
        const { token } = await issueToken(owner)
        const rights = ['select', 'insert', 'update', 'delete']
        await database.sql.raw(`grant ${rights.join()} on ?? to ?`, [sessionTable, account])
        onTestFinished(() =>
          database.sql.raw(`revoke ${rights.join()} on ?? from ?`, [sessionTable, account]),
        )
        expect((await postSignIn(collector.url, token)).status).toBe(201)

        await database.sql(sessionTable).delete()
        await database.sql.raw(`revoke ${missing} on ?? from ?`, [sessionTable, account])
        expect((await postSignIn(collector.url, token)).status).toBe(503)
        expect(await database.sql(sessionTable)).toEqual([])
        await database.sql.raw(`grant ${missing} on ?? to ?`, [sessionTable, account])
      },
    )
  },
)

describe.each(inject('databaseServers'))('On $name,', (server) => {
  test('a sign-out fails while the session table is unavailable, and keeps the cookie for a retry', async () => {
    const collector = await createCollector(server)
    onTestFinished(collector.end)
    const { token } = await issueToken(collector.store)
    const cookie = readSetCookie(await postSignIn(collector.url, token))
    const { sql } = collector.database
    await sql.schema.renameTable(sessionTable, 'elsewhere')
    const failed = await postSignOut(collector.url, cookie)
    expect({ status: failed.status, setCookie: failed.headers.get('set-cookie') }).toEqual({
      status: 503,
      setCookie: null,
    })
    const read = () => fetch(`${collector.url}/v1/lapses`, { headers: { Cookie: cookie } })
    expect((await read()).status).toBe(503)
    await sql.schema.renameTable('elsewhere', sessionTable)
    expect((await read()).status).toBe(200)
    expect((await postSignOut(collector.url, cookie)).status).toBe(204)
    expect((await read()).status).toBe(401)
  })

  test('a report with a dashboard ticket gets 503 while the session table is unavailable, and can be repeated', async () => {
    const collector = await createCollector(server)
    onTestFinished(collector.end)
    const { token } = await issueToken(collector.store)
    const { session, ticket } = await (await postSignIn(collector.url, token)).json()
    const report = createReport({ site: 'lapse', session, subject: undefined, ticket })
    const post = () => collector.post(report, { Origin: collector.url })
    const { sql } = collector.database
    await sql.schema.renameTable(sessionTable, 'elsewhere')
    const failed = await post()
    expect({ status: failed.status, retryAfter: failed.headers.get('retry-after') }).toEqual({
      status: 503,
      retryAfter: '5',
    })
    await sql.schema.renameTable('elsewhere', sessionTable)
    expect((await post()).status).toBe(201)
  })
})
