import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection } from 'mysql2/promise'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { parseEndReport } from '../../src/domain/endReport.ts'
import { judgeReport } from '../../src/domain/judgeReport.ts'
import type { NewSessionEnd } from '../../src/domain/sessionEnd.ts'
import { parseConfig } from '../../src/index.ts'
import { BatchingWriter, ConnectionLostError, type Inserter } from '../../src/recording/batchingWriter.ts'
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
    const sessionEnd = createSessionEnd()
    const startedAt = performance.now()
    const writes = Array.from({ length: 10_100 }, (_, index) =>
      writer.write({ ...sessionEnd, sessionKey: `alias-${index}` }).then(
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

test('The writer closes its connections after the last attempt to reconnect', async () => {
  const calls: string[] = []
  const connectionLost = new ConnectionLostError('unavailable')
  const inserter: Inserter = {
    concurrency: 1,
    connections: 0,
    insert: () => Promise.reject(connectionLost),
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
  const writer = new BatchingWriter(inserter)
  await expect(writer.write(createSessionEnd())).rejects.toThrow('could not be written')
  await expect.poll(() => calls).toEqual(['ping'])
  await writer.close()
  expect(calls).toEqual(['ping', 'ping failed', 'close'])
})

function createSessionEnd(): NewSessionEnd {
  const { sites } = parseConfig(createConfig('sqlite:unused'), environment)
  const report = parseEndReport(createReport(), 'browser')
  const arrival = { receivedAt: Date.now(), origin: undefined, ip: undefined, userAgent: undefined }
  return judgeReport(report, undefined, sites.acme ?? { idleTimeoutSeconds: 1, graceSeconds: 0 }, arrival)
}
