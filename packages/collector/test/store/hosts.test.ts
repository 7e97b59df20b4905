import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { type RunningServer, serverKinds } from '../../../../test/servers.ts'
import { startSplittingProxy } from '../../../../test/splittingProxy.ts'
import { openStore, parseConfig, startCollector } from '../../src/index.ts'
import {
  createConfig,
  createReport,
  environment,
  issueToken,
  origin,
  postReport,
} from '../support/collector.ts'
import { connectAsRoot } from '../support/contract.ts'

describe.each(serverKinds)('A collector with two hosts on $name', ({ start }) => {
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
    const { database, table } = parseConfig(createConfig(formatUrl(port)), environment)
    const store = openStore(database, table)
    await store.schema.migrate()
    await store.close()
  }

  const formatUrl = (...hostPorts: number[]) =>
    `mysql://root@${hostPorts.map((port) => `127.0.0.1:${port}`).join()}/lapse_test?ssl-mode=DISABLED`

  async function setReadOnly(port: number, value: 0 | 1): Promise<void> {
    const root = await connectAsRoot(port)
    await root.query('set global read_only = ?', [value])
    await root.end()
  }

  async function startHostsCollector(url: string) {
    const config = parseConfig(createConfig(url), environment)
    const collector = await startCollector(config, pino({ level: 'silent' }))
    onTestFinished(collector.close)
    return {
      url: collector.url,
      post: async (report = createReport()) =>
        (await postReport(collector.url, report, { Origin: origin })).status,
    }
  }

  async function countRows(port: number): Promise<number> {
    const root = await connectAsRoot(port, 'lapse_test')
    const [[counted]] = (await root.query('select count(*) as count from session_audit')) as unknown as [
      [{ count: number }],
    ]
    await root.end()
    return counted.count
  }

  test('The collector writes to the host that accepts writes, in whatever order they are listed', async () => {
    const [replica, writer] = ports
    await setReadOnly(replica, 1)
    onTestFinished(() => setReadOnly(replica, 0))
    const before = await countRows(writer)
    const { post } = await startHostsCollector(formatUrl(replica, writer))
    const statuses = await Promise.all(Array.from({ length: 20 }, () => post()))
    expect(statuses).toEqual(statuses.map(() => 201))
    expect(await countRows(writer)).toBe(before + 20)
  })

  test('The collector follows a change of roles and stays with the new writer', async () => {
    const [first, second] = ports
    await setReadOnly(second, 1)
    onTestFinished(() => setReadOnly(first, 0))
    onTestFinished(() => setReadOnly(second, 0))
    const { post } = await startHostsCollector(formatUrl(first, second))
    expect(await post()).toBe(201)

    await setReadOnly(first, 1)
    await setReadOnly(second, 0)
    // An administrator's account, such as this one, could write to a replica, but the collector must not.
    const before = await countRows(second)
    await expect
      .poll(async () => ({ status: await post(), rows: await countRows(second) }), {
        timeout: 10_000,
        interval: 100,
      })
      .toEqual({ status: 201, rows: before + 1 })
    const statuses: number[] = []
    for (let times = 0; times < 30; times++) {
      statuses.push(await post())
      await sleep(50)
    }
    expect(statuses).toEqual(statuses.map(() => 201))
    expect(await countRows(second)).toBe(before + 31)
  })

  test('Duplicates are recognized behind a proxy that sends reads to a lagging replica', async () => {
    const [writer, replica] = ports
    // The second server has the tables but never gets a row, like a replica that is far behind.
    await setReadOnly(replica, 1)
    onTestFinished(() => setReadOnly(replica, 0))
    const proxy = await startSplittingProxy(writer, replica, 'lapse_test')
    onTestFinished(proxy.close)
    const { post } = await startHostsCollector(formatUrl(proxy.port))
    const reports = Array.from({ length: 20 }, () => createReport())
    const first = await Promise.all(reports.map(post))
    expect(first).toEqual(reports.map(() => 201))
    // Existing rows are looked up on the host that has them.
    const again = await Promise.all(reports.map(post))
    expect(again).toEqual(reports.map(() => 200))
    const mixed = await Promise.all([...reports.slice(0, 5), createReport(), createReport()].map(post))
    expect(mixed).toEqual([200, 200, 200, 200, 200, 201, 201])

    const { database, table } = parseConfig(createConfig(formatUrl(proxy.port)), environment)
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
