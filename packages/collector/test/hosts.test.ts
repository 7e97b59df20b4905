import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type RunningServer, startMariadb, startMysql } from '../../../test/servers.ts'
import { startSplittingProxy } from '../../../test/splittingProxy.ts'
import { openStore, parseConfig, startCollector } from '../src/index.ts'
import { environment, eventOf, issueToken, origin, postEvent, writtenConfig } from './collector.ts'
import { connectAsRoot } from './contract.ts'

const { LAPSE_MYSQLD } = process.env
const makers: { name: string; start: (folder: string) => Promise<RunningServer> }[] = [
  { name: 'MariaDB', start: startMariadb },
]
if (LAPSE_MYSQLD)
  makers.push({ name: 'MySQL', start: (folder) => startMysql(folder, LAPSE_MYSQLD.split(' ')) })

describe.each(makers)('a collector with two hosts on $name', ({ start }) => {
  let folder: string
  let ports: [number, number]
  let servers: RunningServer[]
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    servers = [await start(join(folder, 'a')), await start(join(folder, 'b'))]
    const [first = 0, second = 0] = servers.map(({ url }) => Number(new URL(url).port))
    ports = [first, second]
    for (const port of ports) await migrate(port)
  })
  afterAll(async () => {
    await Promise.all(servers.map((server) => server.end()))
    rmSync(folder, { recursive: true })
  })

  async function migrate(port: number): Promise<void> {
    const { database, table } = parseConfig(writtenConfig(urlOf(port)), environment)
    const store = openStore(database, table)
    await store.schema.migrate()
    await store.close()
  }

  const urlOf = (...hostPorts: number[]) =>
    `mysql://root@${hostPorts.map((port) => `127.0.0.1:${port}`).join()}/lapse_test?ssl-mode=DISABLED`

  async function setReadOnly(port: number, value: 0 | 1): Promise<void> {
    const root = await connectAsRoot(port)
    await root.query('set global read_only = ?', [value])
    await root.end()
  }

  async function serve(url: string) {
    const config = parseConfig(writtenConfig(url), environment)
    const collector = await startCollector(config, pino({ level: 'silent' }))
    onTestFinished(collector.close)
    return {
      url: collector.url,
      post: async (event = eventOf()) => (await postEvent(collector.url, event, { Origin: origin })).status,
    }
  }

  async function rowsAt(port: number): Promise<number> {
    const root = await connectAsRoot(port, 'lapse_test')
    const [[counted]] = (await root.query('select count(*) as count from session_audit')) as unknown as [
      [{ count: number }],
    ]
    await root.end()
    return counted.count
  }

  test('writes to the one that takes writes, whichever is named first', async () => {
    const [replica, writer] = ports
    await setReadOnly(replica, 1)
    onTestFinished(() => setReadOnly(replica, 0))
    const before = await rowsAt(writer)
    const { post } = await serve(urlOf(replica, writer))
    const statuses = await Promise.all(Array.from({ length: 20 }, () => post()))
    expect(statuses).toEqual(statuses.map(() => 201))
    expect(await rowsAt(writer)).toBe(before + 20)
  })

  test('follows the role when the hosts change it, and does not go back and forth', async () => {
    const [first, second] = ports
    await setReadOnly(second, 1)
    onTestFinished(() => setReadOnly(first, 0))
    onTestFinished(() => setReadOnly(second, 0))
    const { post } = await serve(urlOf(first, second))
    expect(await post()).toBe(201)

    await setReadOnly(first, 1)
    await setReadOnly(second, 0)
    // An administrator's account, such as this one, can write to a read-only server. A replica must not be written to.
    const before = await rowsAt(second)
    await expect
      .poll(async () => [await post(), await rowsAt(second)], { timeout: 10_000, interval: 100 })
      .toEqual([201, before + 1])
    const statuses: number[] = []
    for (let times = 0; times < 30; times++) {
      statuses.push(await post())
      await sleep(50)
    }
    expect(statuses).toEqual(statuses.map(() => 201))
    expect(await rowsAt(second)).toBe(before + 31)
  })

  test('keeps its word behind a proxy that sends reads to a replica which lags', async () => {
    const [writer, replica] = ports
    // The replica has the tables and none of the rows: it lags for ever.
    await setReadOnly(replica, 1)
    onTestFinished(() => setReadOnly(replica, 0))
    const proxy = await startSplittingProxy(writer, replica, 'lapse_test')
    onTestFinished(proxy.close)
    const { post } = await serve(urlOf(proxy.port))
    const events = Array.from({ length: 20 }, () => eventOf())
    const first = await Promise.all(events.map(post))
    expect(first).toEqual(events.map(() => 201))
    // What was written before is looked up where it was written.
    const again = await Promise.all(events.map(post))
    expect(again).toEqual(events.map(() => 200))
    const mixed = await Promise.all([...events.slice(0, 5), eventOf(), eventOf()].map(post))
    expect(mixed).toEqual([200, 200, 200, 200, 200, 201, 201])

    const { database, table } = parseConfig(writtenConfig(urlOf(proxy.port)), environment)
    const store = openStore(database, table)
    onTestFinished(store.close)
    await store.rollup.update()
    await store.rollup.rebuild()
    await expect(store.retention.purge([{ site: 'acme', before: new Date(0) }])).resolves.toBe(0)
    await issueToken(store)
    await store.schema.migrate()
    expect(proxy.counts.reader).toBeGreaterThan(0)
  })
})
