import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection } from 'mysql2/promise'
import { pino } from 'pino'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { createDatabase } from '../../../../test/databases.ts'
import { findFreePort } from '../../../../test/servers.ts'
import type { TokenScope } from '../../src/auth/token.ts'
import { openStore, parseConfig, startCollector } from '../../src/index.ts'
import {
  createCollector,
  createConfig,
  createReport,
  environment,
  issueToken,
  origin,
  postReport,
} from '../support/collector.ts'
import { insertRows } from '../support/rows.ts'

const silent = pino({ level: 'silent' })
const sqlite = { name: 'SQLite' }
const mysqlServers = inject('databaseServers').filter((server) => server.url !== undefined)

describe('The collector', () => {
  test('serves the client script with a cache lifetime of a day and an ETag', async () => {
    const collector = await createCollector(sqlite)
    onTestFinished(collector.end)
    const response = await fetch(`${collector.url}/lapse.js`)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toMatch('javascript')
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(response.headers.get('cache-control')).toMatch('max-age=86400')
    expect(await response.text()).toMatch('Lapse')
    const etag = response.headers.get('etag') ?? ''
    for (const known of [etag, `"other", W/${etag}`, '*']) {
      const again = await fetch(`${collector.url}/lapse.js`, { headers: { 'If-None-Match': known } })
      expect(again.status, known).toBe(304)
    }
  })

  test('serves script tags with a hash, and the script under an immutable URL', async () => {
    const collector = await createCollector(sqlite, { trustProxy: ['127.0.0.1'] })
    onTestFinished(collector.end)
    const headers = { 'X-Forwarded-Proto': 'https' }
    const page = await fetch(`${collector.url}/tag?site=acme`, { headers })
    expect(page.status).toBe(200)
    expect(page.headers.get('content-security-policy')).toMatch("default-src 'none'")
    const text = (await page.text()).replaceAll(/&#(\d+);/g, (_, code) => String.fromCharCode(code))
    const [, address = '', integrity] = /<script src="(https:\S+)"\s+integrity="(\S+)"/.exec(text) ?? []
    expect(text).toContain('data-site="acme"')
    const script = await fetch(address.replace('https:', 'http:'))
    expect(script.headers.get('cache-control')).toMatch('immutable')
    const hash = createHash('sha384').update(Buffer.from(await script.arrayBuffer()))
    expect(`sha384-${hash.digest('base64')}`).toBe(integrity)
    const older = await fetch(`${collector.url}/lapse.js?v=0.0.0`)
    expect(older.headers.get('cache-control')).toBe('no-cache')
    expect((await fetch(`${collector.url}/tag?site=other`)).status).toBe(404)
  })

  test('prevents browsers from running, framing or embedding its responses, except for the script', async () => {
    const collector = await createCollector(sqlite)
    onTestFinished(collector.end)
    for (const answer of [
      await fetch(`${collector.url}/healthz`),
      await collector.post('{'),
      await collector.post(createReport()),
    ]) {
      expect(answer.headers.get('x-content-type-options')).toBe('nosniff')
      expect(answer.headers.get('content-security-policy')).toMatch("default-src 'none'")
      expect(answer.headers.get('strict-transport-security')).toMatch('max-age=')
      expect(answer.headers.get('referrer-policy')).toBe('no-referrer')
      expect(answer.headers.get('x-powered-by')).toBeNull()
    }
    const script = await fetch(`${collector.url}/lapse.js`)
    expect(script.headers.get('cross-origin-resource-policy')).toBe('cross-origin')
  })

  test('shows its metrics to programs on this machine and to tokens with the scope read', async () => {
    const collector = await createCollector(sqlite)
    onTestFinished(collector.end)
    await collector.post(createReport())
    await collector.post('{')
    await fetch(`${collector.url}/unknown/path`)
    const fetchMetrics = async (headers = {}) => fetch(`${collector.url}/metrics`, { headers })
    const text = await (await fetchMetrics()).text()
    expect(text).toMatch(
      'lapse_verdicts_total{site="acme",reason="idle_timeout",evidence="self_reported",duplicate="false"} 1',
    )
    expect(text).toMatch(
      'lapse_http_request_duration_seconds_count{route="/v1/lapses",method="POST",status="400"} 1',
    )
    expect(text).toMatch(
      'lapse_http_request_duration_seconds_count{route="none",method="GET",status="404"} 1',
    )
    expect(text).toMatch('lapse_write_batch_size_count 1')
    expect(text).toMatch('lapse_write_duration_seconds_count{outcome="committed"} 1')
    expect(text).toMatch('lapse_write_queue_size 0')
    expect(text).toMatch('lapse_database_connections 1')
    expect(text).toMatch('nodejs_eventloop_lag_seconds')

    // A request through an untrusted proxy could come from anyone.
    const throughProxy = { 'X-Forwarded-For': '127.0.0.1' }
    expect((await fetchMetrics(throughProxy)).status).toBe(401)
    const readWith = async (scope: TokenScope) => {
      const { token } = await issueToken(collector.store, { scope })
      return (await fetchMetrics({ ...throughProxy, Authorization: `Bearer ${token}` })).status
    }
    expect(await readWith('read')).toBe(200)
    expect(await readWith('write')).toBe(403)
  })

  test('accepts reports from origins with one label in place of the wildcard, and from no others', async () => {
    const site = { origins: ['https://*.acme.com', 'https://acme.com:8443'], idleTimeoutSeconds: 1800 }
    const collector = await createCollector(sqlite, { sites: { acme: site } })
    onTestFinished(collector.end)
    const postFrom = async (from: string) => (await collector.post(createReport(), { Origin: from })).status
    for (const allowed of ['https://app.acme.com', 'https://a-1.acme.com', 'https://acme.com:8443'])
      expect(await postFrom(allowed), allowed).toBe(201)
    for (const refused of [
      'https://acme.com',
      'https://.acme.com',
      'https://a.b.acme.com',
      'https://evil.com/.acme.com',
      'https://evilacme.com',
      'https://app.acme.com.evil.com',
      'http://app.acme.com',
      'https://app.acme.com:8443',
      // Longer than a DNS label may be.
      `https://${'a'.repeat(64)}.acme.com`,
    ])
      expect(await postFrom(refused), refused).toBe(403)
  })

  test('is healthy and ready', async () => {
    const collector = await createCollector(sqlite)
    onTestFinished(collector.end)
    expect((await fetch(`${collector.url}/healthz`)).status).toBe(200)
    expect((await fetch(`${collector.url}/readyz`)).status).toBe(200)
  })

  test('answers accepted requests before it stops, and is not ready while it stops', async () => {
    const collector = await createCollector(sqlite)
    const { port } = new URL(collector.url)
    const socket = connect(Number(port), '127.0.0.1')
    await once(socket, 'connect')
    const body = JSON.stringify(createReport())
    socket.write(
      `POST /v1/lapses HTTP/1.1\r\nHost: x\r\nOrigin: ${origin}\r\nContent-Type: text/plain\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\nExpect: 100-continue\r\n\r\n`,
    )
    // The collector sends this as soon as it has accepted the request.
    expect(String(await once(socket, 'data'))).toMatch('100 Continue')
    const closed = collector.close()
    expect((await fetch(`${collector.url}/readyz`)).status).toBe(503)
    await sleep(400)
    socket.write(body)
    let answer = ''
    for await (const chunk of socket) answer += chunk
    await closed
    expect(answer).toMatch('201 Created')
    expect(answer).toMatch(/^connection: close/im)
    expect(await collector.database.readRows()).toHaveLength(1)
    await collector.database.drop()
    await expect(fetch(`${collector.url}/healthz`)).rejects.toThrow('fetch failed')
  })

  test('starts without its database, answers 503 with Retry-After, and is not ready', async () => {
    const port = await findFreePort()
    const config = parseConfig(createConfig(`mysql://root@127.0.0.1:${port}/lapse`), environment)
    const collector = await startCollector(config, silent)
    onTestFinished(collector.close)
    const response = await postReport(collector.url, createReport(), { Origin: origin })
    expect(response.status).toBe(503)
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await fetch(`${collector.url}/readyz`)).status).toBe(503)
    expect((await fetch(`${collector.url}/healthz`)).status).toBe(200)
  })
})

describe.each(mysqlServers)('The collector on $name', (server) => {
  test('becomes ready without a restart when the database is migrated', async () => {
    const database = await createDatabase(server)
    onTestFinished(database.drop)
    const config = parseConfig(createConfig(database.url), environment)
    const collector = await startCollector(config, silent)
    onTestFinished(collector.close)
    expect((await fetch(`${collector.url}/readyz`)).status).toBe(503)
    expect((await postReport(collector.url, createReport(), { Origin: origin })).status).toBe(503)
    const store = openStore(config.database, config.table)
    onTestFinished(store.close)
    await store.schema.migrate()
    expect((await fetch(`${collector.url}/readyz`)).status).toBe(200)
    expect((await postReport(collector.url, createReport(), { Origin: origin })).status).toBe(201)
  })

  test('answers 503 within 6 s while the database hangs, then immediately, and writes one row for all attempts', async () => {
    const collector = await createCollector(server)
    onTestFinished(collector.end)
    const blocker = await createConnection(collector.database.url)
    await blocker.query('lock tables session_audit write')
    const report = createReport()
    const startedAt = performance.now()
    expect((await collector.post(report)).status).toBe(503)
    expect(performance.now() - startedAt).toBeLessThan(6000)
    const again = performance.now()
    expect((await collector.post(report)).status).toBe(503)
    expect(performance.now() - again).toBeLessThan(2000)
    await blocker.end()
    await expect.poll(async () => (await collector.post(report)).status).toBeLessThan(300)
    expect(await collector.database.readRows()).toHaveLength(1)
  })

  test('needs only SELECT and INSERT on the audit table once the database is migrated', async () => {
    const database = await createDatabase(server)
    onTestFinished(database.drop)
    const { database: location, table } = parseConfig(createConfig(database.url), environment)
    const owner = openStore(location, table)
    await owner.schema.migrate()
    await owner.close()
    const { host, pathname } = new URL(database.url)
    const account = pathname.slice(1, 32)
    await database.sql.raw("create user ? identified by 'a password'", [account])
    onTestFinished(() => database.sql.raw('drop user ?', [account]))
    await database.sql.raw('grant select, insert on ??.* to ?', [pathname.slice(1), account])
    for (const liveTable of ['session_live', 'session_logout'])
      await database.sql.raw('grant update, delete on ?? to ?', [liveTable, account])

    const url = `mysql://${account}:a%20password@${host}${pathname}`
    const collector = await startCollector(parseConfig(createConfig(url), environment), silent)
    onTestFinished(collector.close)
    expect((await fetch(`${collector.url}/readyz`)).status).toBe(200)
    const report = createReport()
    expect((await postReport(collector.url, report, { Origin: origin })).status).toBe(201)
    expect((await postReport(collector.url, report, { Origin: origin })).status).toBe(200)
  })

  test('writes to a table in another schema', async () => {
    const home = await createDatabase(server)
    const person = await createDatabase(server)
    onTestFinished(home.drop)
    onTestFinished(person.drop)
    const schema = new URL(person.url).pathname.slice(1)
    const config = parseConfig(createConfig(home.url, { table: `${schema}.audit_log` }), environment)
    const store = openStore(config.database, config.table)
    onTestFinished(store.close)
    await store.schema.migrate()
    const collector = await startCollector(config, silent)
    onTestFinished(collector.close)
    expect((await postReport(collector.url, createReport(), { Origin: origin })).status).toBe(201)
    expect(await person.readRows('audit_log')).toHaveLength(1)
  })
})

test('The collector stops in time while a client has stopped reading an export', async () => {
  const collector = await createCollector(sqlite)
  onTestFinished(collector.end)
  const rows = Array.from({ length: 20_000 }, (_, index) => ({
    session: `s${index}`,
    detected_at: Date.now() - index,
  }))
  await insertRows(collector.database.sql, rows)
  const headers = {
    Authorization: `Bearer ${(await issueToken(collector.store)).token}`,
    Accept: 'application/x-ndjson',
  }
  const { body } = await fetch(`${collector.url}/v1/lapses`, { headers })
  const reader = body?.getReader()
  await reader?.read()
  const startedAt = performance.now()
  await collector.close()
  expect(performance.now() - startedAt).toBeLessThan(20_000)
  await expect(readToEnd(reader)).rejects.toThrow()
})

async function readToEnd(reader: ReadableStreamDefaultReader | undefined): Promise<void> {
  while (!(await reader?.read())?.done);
}
