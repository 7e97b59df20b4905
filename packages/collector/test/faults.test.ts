import { type ChildProcess, execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { command, serve, stop } from '../../../test/collector.ts'
import { createDatabase, type TestDatabase } from '../../../test/databases.ts'
import { waitUntil } from '../../../test/engines/engine.ts'
import {
  type DatabaseServer,
  freePort,
  type RunningServer,
  startMariadb,
  startMysql,
} from '../../../test/servers.ts'
import { startTcpProxy, type TcpProxy } from '../../../test/tcpProxy.ts'
import { origin } from './collector.ts'
import { type Load, startLoad } from './load.ts'
import { mountSmallDisk, type SmallDisk } from './smallDisk.ts'

const { LAPSE_MYSQLD } = process.env

/** Servers of these tests' own: they are killed here. */
const makers: {
  name: string
  /** The size of the disk that is filled up. */
  megabytes?: number
  start?: (folder: string) => Promise<RunningServer>
}[] = [
  { name: 'SQLite', megabytes: 16 },
  { name: 'MariaDB', megabytes: 512, start: startMariadb },
]
if (LAPSE_MYSQLD)
  makers.push({
    name: 'MySQL',
    start: (folder) => startMysql(folder, LAPSE_MYSQLD.split(' ')),
  })

describe.each(makers)('under a steady load on $name', ({ start, megabytes }) => {
  let folder: string
  let disk: SmallDisk | undefined
  let running: RunningServer | undefined
  let proxy: TcpProxy | undefined
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    disk = megabytes ? mountSmallDisk(folder, megabytes) : undefined
    running = await start?.(join(folder, 'server'))
    proxy = running && (await startTcpProxy(Number(new URL(running.url).port)))
  })
  afterAll(async () => {
    await proxy?.close()
    await running?.end()
    disk?.unmount()
    rmSync(folder, { recursive: true })
  })

  let database: TestDatabase
  let collector: ChildProcess
  let load: Load
  let url: string
  let configFile: string
  beforeEach(async () => {
    const server: DatabaseServer = running ?? { name: 'SQLite' }
    database = await createDatabase(server, folder)
    const port = await freePort()
    url = `http://127.0.0.1:${port}`
    configFile = join(folder, 'lapse.config.json')
    const through = proxy ? database.url.replace(/:\d+\//, `:${proxy.port}/`) : database.url
    const sites = { acme: { origins: [origin], idleTimeoutSeconds: 1800 } }
    writeFileSync(
      configFile,
      JSON.stringify({ database: through, listen: { port }, rateLimit: false, sites }),
    )
    await promisify(execFile)(process.execPath, [command, 'migrate', '--config', configFile])
    collector = await serve(configFile, url)
    load = startLoad(url)
    await load.acknowledged(5000)
    await sleep(500)
  })
  afterEach(async () => {
    await load.stop()
    if (collector.exitCode === null && collector.signalCode === null) await stop(collector)
    await database.drop()
  })

  /** Every acknowledged event is in the table once; none is there twice. */
  async function expectEachOnce() {
    const keys: string[] = (await database.rows()).map((row) => String(row.session_key))
    const stored = new Set(keys)
    expect(stored.size).toBe(keys.length)
    const acknowledged = load.answers.filter(({ status }) => status === 201)
    expect(acknowledged.length).toBeGreaterThan(20)
    expect(acknowledged.filter(({ session }) => !stored.has(session))).toEqual([])
  }

  /** Answers are 201, or 503 with a time to wait, within 6 s. */
  function expectAnswersInTime() {
    const odd = load.answers.filter(
      ({ status, retryAfter }) => status !== 201 && !(status === 503 && retryAfter),
    )
    expect(odd).toEqual([])
    expect(Math.max(...load.answers.map(({ durationMs }) => durationMs))).toBeLessThan(6000)
  }

  /** While the database is known to be away, nobody waits for it. */
  function expectQuickRefusals(from: number, to: number) {
    const refusals = load.answers.filter(({ status, at }) => status === 503 && at > from && at < to)
    const durations = refusals.map(({ durationMs }) => durationMs).sort((a, b) => a - b)
    expect(durations.length).toBeGreaterThan(20)
    expect(durations[durations.length >> 1]).toBeLessThan(100)
  }

  test.runIf(start)('the database may be killed and started again', async () => {
    running?.signal('SIGKILL')
    const killedAt = performance.now()
    await sleep(2000)
    expectQuickRefusals(killedAt + 500, killedAt + 2000)
    await running?.startAgain()
    await load.acknowledged(5000)
    await load.stop()
    expectAnswersInTime()
    await expectEachOnce()
  })

  test.runIf(start)('the database may hang', async () => {
    await running?.signal('SIGSTOP')
    const stoppedAt = performance.now()
    await sleep(12_000)
    const goesOnAt = performance.now()
    await running?.signal('SIGCONT')
    expectQuickRefusals(stoppedAt + 6000, goesOnAt)
    expect((await fetch(`${url}/readyz`)).status).toBe(503)
    await load.acknowledged(5000)
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    await load.stop()
    expectAnswersInTime()
    await expectEachOnce()
  })

  test.runIf(start)('the connections to the database may be cut again and again', async () => {
    for (let count = 0; count < 20; count++) {
      await sleep(100)
      proxy?.cut()
    }
    await load.acknowledged(5000)
    await load.stop()
    expectAnswersInTime()
    await expectEachOnce()
  })

  test('the disk of the database may be full for a while', async ({ skip }) => {
    skip(!megabytes, 'MySQL looks only once a minute whether there is space again')
    skip(!disk, 'only root may mount a small disk')
    disk?.fill()
    await waitUntil(async () => load.answers.at(-1)?.status === 503, 'a refusal')
    await sleep(1000)
    disk?.clear()
    const isBack = () => load.answers.at(-1)?.status === 201
    await waitUntil(async () => isBack() || running?.hasEnded === true, 'the database, or its end')
    // InnoDB ends itself where it cannot write what it must. Then a supervisor starts it again.
    if (running?.hasEnded) await running.startAgain()
    await load.acknowledged(10_000)
    await load.stop()
    expectAnswersInTime()
    await expectEachOnce()
  })

  test('the collector may be killed and started again', async () => {
    collector.kill('SIGKILL')
    await once(collector, 'exit')
    collector = await serve(configFile, url)
    await load.acknowledged(5000)
    await load.stop()
    await expectEachOnce()
  })

  test('the collector answers what it has accepted before it ends', async () => {
    await stop(collector)
    await load.stop()
    // What the kernel had not handed over yet is refused. A row whose answer was lost would have been accepted.
    const failed = load.answers.filter(({ status }) => status === 0).map(({ session }) => session)
    expect(failed.length).toBeGreaterThan(0)
    const stored = (await database.rows()).map((row) => row.session_key)
    expect(failed.filter((session) => stored.includes(session))).toEqual([])
    await expectEachOnce()
  })
})
