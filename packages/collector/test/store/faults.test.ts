import { type ChildProcess, execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { lapsePath, startLapseServe, stopLapseServe } from '../../../../test/collector.ts'
import { createDatabase, type TestDatabase } from '../../../../test/databases.ts'
import { waitUntil } from '../../../../test/engines/engine.ts'
import {
  type DatabaseServer,
  findFreePort,
  type RunningServer,
  type ServerKind,
  serverKinds,
} from '../../../../test/servers.ts'
import { startTcpProxy, type TcpProxy } from '../../../../test/tcpProxy.ts'
import { origin } from '../support/collector.ts'
import { type Load, startLoad } from '../support/load.ts'
import { mountSmallDisk, type SmallDisk } from '../support/smallDisk.ts'

/** The size of the disk that a test fills. */
const diskMegabytes: Readonly<Record<string, number>> = { SQLite: 16, MariaDB: 512 }

/** The tests have their own servers, because they kill them. */
const databases: readonly (Pick<ServerKind, 'name'> & Partial<ServerKind>)[] = [
  { name: 'SQLite' },
  ...serverKinds,
]

describe.each(databases)('Under a steady load on $name', ({ name, start }) => {
  const megabytes = diskMegabytes[name]
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
    const port = await findFreePort()
    url = `http://127.0.0.1:${port}`
    configFile = join(folder, 'lapse.config.json')
    const through = proxy ? database.url.replace(/:\d+\//, `:${proxy.port}/`) : database.url
    const sites = { acme: { origins: [origin], idleTimeoutSeconds: 1800 } }
    writeFileSync(
      configFile,
      JSON.stringify({ database: through, listen: { port }, rateLimit: false, sites }),
    )
    await promisify(execFile)(process.execPath, [lapsePath, 'migrate', '--config', configFile])
    collector = await startLapseServe(configFile, url)
    load = startLoad(url)
    await load.waitForAcknowledgement(5000)
    await sleep(500)
  })
  afterEach(async () => {
    await load.stop()
    if (collector.exitCode === null && collector.signalCode === null) await stopLapseServe(collector)
    await database.drop()
  })

  /** Every acknowledged report has one row, and no report has two. */
  async function expectEachOnce() {
    const keys: string[] = (await database.readRows()).map((row) => String(row.session_key))
    const stored = new Set(keys)
    expect(stored.size).toBe(keys.length)
    const acknowledged = load.answers.filter(({ status }) => status === 201)
    expect(acknowledged.length).toBeGreaterThan(20)
    expect(acknowledged.filter(({ session }) => !stored.has(session))).toEqual([])
  }

  /** Every response is 201, or 503 with Retry-After, and arrives within 6 seconds. */
  function expectAnswersInTime() {
    const odd = load.answers.filter(
      ({ status, retryAfter }) => status !== 201 && !(status === 503 && retryAfter),
    )
    expect(odd).toEqual([])
    expect(Math.max(...load.answers.map(({ durationMs }) => durationMs))).toBeLessThan(6000)
  }

  /** While the database is known to be unavailable, no request waits for it. */
  function expectQuickRefusals(from: number, to: number) {
    const refusals = load.answers.filter(({ status, at }) => status === 503 && at > from && at < to)
    const durations = refusals.map(({ durationMs }) => durationMs).sort((a, b) => a - b)
    expect(durations.length).toBeGreaterThan(20)
    expect(durations[durations.length >> 1]).toBeLessThan(500)
  }

  test.runIf(start)('No acknowledged report is lost when the database is killed and restarted', async () => {
    running?.signal('SIGKILL')
    const killedAt = performance.now()
    await sleep(2000)
    expectQuickRefusals(killedAt + 500, killedAt + 2000)
    await running?.startAgain()
    await load.waitForAcknowledgement(5000)
    await load.stop()
    expectAnswersInTime()
    await expectEachOnce()
  })

  test.runIf(start)('No acknowledged report is lost when the database hangs', async () => {
    await running?.signal('SIGSTOP')
    const stoppedAt = performance.now()
    await sleep(12_000)
    const goesOnAt = performance.now()
    await running?.signal('SIGCONT')
    expectQuickRefusals(stoppedAt + 6000, goesOnAt)
    expect((await fetch(`${url}/readyz`)).status).toBe(503)
    await load.waitForAcknowledgement(5000)
    expect((await fetch(`${url}/readyz`)).status).toBe(200)
    await load.stop()
    expectAnswersInTime()
    await expectEachOnce()
  })

  test.runIf(start)('The collector is ready again after an outage, even if no report arrives', async () => {
    running?.signal('SIGKILL')
    await sleep(11_000)
    await load.stop()
    const isReady = async () => (await fetch(`${url}/readyz`)).status === 200
    expect(await isReady()).toBe(false)
    await running?.startAgain()
    await waitUntil(isReady, 'the collector to be ready')
  })

  test.runIf(start)(
    'No acknowledged report is lost when database connections are cut repeatedly',
    async () => {
      for (let count = 0; count < 20; count++) {
        await sleep(100)
        proxy?.cut()
      }
      await load.waitForAcknowledgement(5000)
      await load.stop()
      expectAnswersInTime()
      await expectEachOnce()
    },
  )

  test('No acknowledged report is lost when the disk of the database is full', async ({ skip }) => {
    skip(!megabytes, 'MySQL looks only once a minute whether there is space again')
    skip(!disk, 'only root may mount a small disk')
    disk?.fill()
    await waitUntil(async () => load.answers.at(-1)?.status === 503, 'a refusal')
    await sleep(1000)
    disk?.clear()
    const isBack = () => load.answers.at(-1)?.status === 201
    await waitUntil(async () => isBack() || running?.hasEnded === true, 'the database, or its end')
    // InnoDB aborts when it cannot write its log. A supervisor would restart it.
    if (running?.hasEnded) await running.startAgain()
    await load.waitForAcknowledgement(10_000)
    await load.stop()
    expectAnswersInTime()
    await expectEachOnce()
  })

  test('No acknowledged report is lost when the collector is killed and restarted', async () => {
    collector.kill('SIGKILL')
    await once(collector, 'exit')
    collector = await startLapseServe(configFile, url)
    await load.waitForAcknowledgement(5000)
    await load.stop()
    await expectEachOnce()
  })

  test('The collector answers every report that it has accepted before it exits', async () => {
    await stopLapseServe(collector)
    await load.stop()
    // Connections that the kernel had not passed on are refused. A report whose response was lost would have a row.
    const failed = load.answers.filter(({ status }) => status === 0).map(({ session }) => session)
    expect(failed.length).toBeGreaterThan(0)
    const stored = (await database.readRows()).map((row) => row.session_key)
    expect(failed.filter((session) => stored.includes(session))).toEqual([])
    await expectEachOnce()
  })
})
