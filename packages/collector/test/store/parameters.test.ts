import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type RunningServer, serverKinds } from '../../../../test/servers.ts'
import { createCollector, createReport, issueToken, origin } from '../support/collector.ts'
import { connectAsRoot } from '../support/contract.ts'
import { postSignIn, postSignOut, readSetCookie } from '../support/dashboardCookie.ts'

// The test has its own servers, because they log every statement.
describe.each(serverKinds)('The collector on $name', ({ start }) => {
  let folder: string
  let server: RunningServer
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    server = await start(join(folder, 'server'))
  })
  afterAll(async () => {
    await server.end()
    rmSync(folder, { recursive: true })
  })

  test('The collector sends every value as a parameter, and none in the text of a statement', async () => {
    const site = { origins: [origin], idleTimeoutSeconds: 1800, ip: 'full' as const }
    const collector = await createCollector(server, { sites: { acme: site }, trustProxy: ['127.0.0.1'] })
    onTestFinished(collector.end)
    const root = await connectAsRoot(Number(new URL(server.url).port))
    onTestFinished(() => root.end())
    if (server.name === 'MySQL') await root.query('set global log_bin_trust_function_creators = 1')
    await root.query(`create table ${readDatabaseName(collector.database.url)}.audit (user_id varchar(300))`)
    await root.query("set global log_output = 'TABLE', global general_log = 1")

    const canary = `canary${randomUUID()}`
    const post = (changes: object, headers: Readonly<Record<string, string>> = {}) =>
      collector.post(createReport({ subject: canary, ...changes }), { Origin: origin, ...headers })

    // Reports of browsers and servers
    const session = `${canary}-session`
    const client = canary.slice(0, 32)
    const headers = { 'User-Agent': canary, 'X-Forwarded-For': '203.0.113.77' }
    const first = await post({ session, client }, headers)
    const repeated = await post({ session, client }, headers)
    expect({ first: first.status, repeated: repeated.status }).toEqual({ first: 201, repeated: 200 })
    await Promise.all(Array.from({ length: 40 }, (_, index) => post({ session: `${canary}${index}` })))
    const writer = await issueToken(collector.store, { scope: 'write', name: canary })
    const asServer = { 'Content-Type': 'application/json', Authorization: `Bearer ${writer.token}` }
    const ended = { site: 'acme', session: `${canary}-server`, reason: 'revoked' }
    expect((await collector.post(ended, asServer)).status).toBe(201)

    // Requests of readers
    const reader = await issueToken(collector.store)
    const cookie = readSetCookie(await postSignIn(collector.url, reader.token))
    for (const credentials of [{ Authorization: `Bearer ${reader.token}` }, { Cookie: cookie }])
      for (const path of ['/v1/lapses?', '/v1/summary?', '/v1/lapses?format=csv&']) {
        const search = `user:${canary}* -user:"${canary} a" ${session} ip:203.0.113.77`
        const query = new URLSearchParams({ subject: canary, session, site: 'acme', search })
        const response = await fetch(`${collector.url}${path}${query}`, { headers: credentials })
        expect({ path, status: response.status }).toEqual({ path, status: 200 })
        await response.text()
      }
    expect((await postSignOut(collector.url, cookie)).status).toBe(204)

    // Jobs, and a mirror with a condition
    await root.query(`update ${readDatabaseName(collector.database.url)}.session_audit
      set received_at = received_at - interval 1 day`)
    await collector.store.rollup.update()
    const columns = [{ column: 'user_id', source: 'subject' }]
    const where = [{ column: 'subject', value: `${canary}'` }]
    await collector.store.mirrors.create(
      await collector.store.mirrors.plan({ table: 'audit', columns, where }),
    )
    expect((await post({ subject: `${canary}'` })).status).toBe(201)
    await collector.store.mirrors.drop(await collector.store.mirrors.find('audit'))
    await collector.store.tokens.revoke(writer.id, new Date())
    expect(await collector.store.retention.purge([{ site: 'acme', before: new Date() }])).toBe(43)

    await root.query('set global general_log = 0')
    const values = [canary, client, '203.0.113.77', writer.id, reader.id, cookie.split('=')[1] ?? '']
    const readStatements = async (type: string) => {
      // The log stores bytes. All values are ASCII.
      const [rows] = await root.query(
        'select convert(argument using latin1) as text from mysql.general_log where command_type = ?',
        [type],
      )
      // These are the columns of the statement.
      return (rows as { text: string }[]).map(({ text }) => text)
    }
    const findTextsWithValues = (texts: readonly string[]) =>
      texts.filter((text) => values.some((value) => text.includes(value)))
    expect(findTextsWithValues(await readStatements('Query'))).toEqual([])
    expect(findTextsWithValues(await readStatements('Prepare'))).toEqual([])
    // The values did arrive: the log contains the parameters of executed statements.
    expect(findTextsWithValues(await readStatements('Execute')).length).toBeGreaterThan(20)
  })
})

const readDatabaseName = (url: string) => new URL(url).pathname.slice(1)
