import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises'
import { createConnection } from 'mysql2/promise'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { parseEndReport } from '../../src/domain/endReport.ts'
import { parseConfig } from '../../src/index.ts'
import { BatchingWriter, ConnectionLostError, type SessionStore } from '../../src/recording/batchingWriter.ts'
import type { EndWork } from '../../src/recording/sessionWork.ts'
import { openWriter } from '../../src/store/openWriter.ts'
import { createCollector, createConfig, createReport, environment } from '../support/collector.ts'

const mysqlServers = inject('databaseServers').filter((server) => server.url !== undefined)

describe.each(mysqlServers)('The writer on $name', (server) => {
  test('The writer queues no more than 10,000 rows, and settles all of them in time', async () => {
    const collector = await createCollector(server)
    onTestFinished(collector.end)
    const { database: location, table } = parseConfig(createConfig(collector.database.url), environment)
    const writer = openWriter(location, table)
    onTestFinished(() => writer.close())
    const blocker = await createConnection(collector.database.url)
    onTestFinished(() => blocker.end())
    await blocker.query('lock tables session_audit write')
    const work = createWork()
    const { end } = work
    const startedAt = performance.now()
    const writes = Array.from({ length: 10_100 }, (_, index) =>
      writer.write({ ...work, end: { ...end, report: { ...end.report, session: `alias-${index}` } } }).then(
        () => 'written',
        (error: Error) => error.message,
      ),
    )
    expect(await Promise.all(writes.slice(10_000))).toEqual(
      Array(100).fill('Too many reports are waiting. Send the report again later.'),
    )
    expect(performance.now() - startedAt).toBeLessThan(2000)
    expect(new Set(await Promise.all(writes))).not.toContain('written')
    expect(performance.now() - startedAt).toBeLessThan(6000)
  })
})

describe.concurrent('After an outage', () => {
  test.for([
    { cause: 'its connection was lost', failure: new ConnectionLostError('unavailable') },
    { cause: 'the disk was full', failure: new Error('database or disk is full') },
  ])('The writer recovers without another report if $cause', async ({ failure }, { expect }) => {
    let isDown = true
    let pings = 0
    const writer = new BatchingWriter({
      concurrency: 1,
      connections: 0,
      store: () => Promise.reject(failure),
      async ping() {
        pings += 1
        if (isDown) throw failure
      },
      close: () => Promise.resolve(),
    })
    onTestFinished(() => writer.close())
    await expect(writer.write(createWork())).rejects.toThrow('could not be written')
    await sleep(11_000)
    expect(writer.failingForMs).toBeGreaterThan(10_000)
    isDown = false
    await expect.poll(() => writer.failingForMs, { timeout: 5000 }).toBe(0)
    const pingsAfterRecovery = pings
    expect(pingsAfterRecovery).toBeLessThan(30)
    await sleep(1500)
    expect(pings).toBe(pingsAfterRecovery)
  })

  test('The writer does not recover while inserts fail, even if pings succeed', async () => {
    const writer = new BatchingWriter({
      concurrency: 1,
      connections: 0,
      store: () => Promise.reject(new Error('database or disk is full')),
      ping: () => Promise.resolve(),
      close: () => Promise.resolve(),
    })
    onTestFinished(() => writer.close())
    for (let count = 0; count < 12; count++) {
      await expect(writer.write(createWork())).rejects.toThrow('could not be written')
      await sleep(1000)
    }
    expect(writer.failingForMs).toBeGreaterThan(11_000)
  })
})

test('The writer gathers reports that arrive one by one, also after a batch that became empty', async () => {
  const batchSizes: number[] = []
  const released = Promise.withResolvers<void>()
  const writer = new BatchingWriter({
    concurrency: 2,
    connections: 0,
    async store(works) {
      batchSizes.push(works.length)
      await released.promise
      return works.map(() => ({ kind: 'failed', refusal: new Error('not stored') }))
    },
    ping: () => Promise.resolve(),
    close: () => Promise.resolve(),
  })
  onTestFinished(() => writer.close())
  const writes: Promise<unknown>[] = []
  const write = (count: number) => {
    for (let index = 0; index < count; index++) writes.push(writer.write(createWork()))
  }
  write(8)
  // The second transaction has found nothing left in the queue.
  await sleep(50)
  write(1)
  await nextTurn()
  write(7)
  await expect.poll(() => batchSizes).toEqual([8, 8])
  released.resolve()
  await Promise.allSettled(writes)
})

test('The writer closes its connections after the last attempt to reconnect', async () => {
  const calls: string[] = []
  const connectionLost = new ConnectionLostError('unavailable')
  const store: SessionStore = {
    concurrency: 1,
    connections: 0,
    store: () => Promise.reject(connectionLost),
    async ping() {
      calls.push('ping')
      await sleep(300)
      calls.push('ping failed')
      throw connectionLost
    },
    async close() {
      calls.push('close')
    },
  }
  const writer = new BatchingWriter(store)
  await expect(writer.write(createWork())).rejects.toThrow('could not be written')
  await expect.poll(() => calls).toEqual(['ping'])
  await writer.close()
  expect(calls).toEqual(['ping', 'ping failed', 'close'])
})

function createWork(): EndWork {
  const { sites } = parseConfig(createConfig('sqlite:unused'), environment)
  const report = parseEndReport(createReport(), 'browser')
  const request = { receivedAt: Date.now(), origin: undefined, ip: undefined, userAgent: undefined }
  const site = sites.acme ?? { idleTimeoutSeconds: 1, graceSeconds: 0, recordLogouts: false }
  return { kind: 'end', end: { report, claims: undefined, site, request } }
}
