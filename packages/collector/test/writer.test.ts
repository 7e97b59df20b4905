import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection } from 'mysql2/promise'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { parseEndReport } from '../src/domain/endReport.ts'
import { judgeReport, type NewSessionEnd } from '../src/domain/sessionEnd.ts'
import { parseConfig } from '../src/index.ts'
import { BatchingWriter, ConnectionLostError, type Inserter } from '../src/recording/batchingWriter.ts'
import { openWriter } from '../src/store/openWriter.ts'
import { createCollector, environment, eventOf, writtenConfig } from './collector.ts'

const mysqlServers = inject('databaseServers').filter((server) => server.url !== undefined)

describe.each(mysqlServers)('the writer on $name', (server) => {
  test('lets no more than 10,000 events wait, and answers all of them in time', async () => {
    const collector = await createCollector(server)
    onTestFinished(collector.end)
    const { database: location, table } = parseConfig(writtenConfig(collector.database.url), environment)
    const writer = openWriter(location, table)
    onTestFinished(() => writer.close())
    const blocker = await createConnection(collector.database.url)
    onTestFinished(() => blocker.end())
    await blocker.query('lock tables session_audit write')
    const lapse = lapseOf()
    const startedAt = performance.now()
    const writes = Array.from({ length: 10_100 }, (_, index) =>
      writer.write({ ...lapse, sessionKey: `alias-${index}` }).then(
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

test('the writer closes its connections after the last look for a database that is away', async () => {
  const deeds: string[] = []
  const away = new ConnectionLostError('away')
  const inserter: Inserter = {
    concurrency: 1,
    connections: 0,
    insert: () => Promise.reject(away),
    async ping() {
      deeds.push('looks')
      await sleep(300)
      deeds.push('has looked')
      throw away
    },
    async close() {
      deeds.push('closes')
    },
  }
  const writer = new BatchingWriter(inserter)
  await expect(writer.write(lapseOf())).rejects.toThrow('could not be written')
  await expect.poll(() => deeds).toEqual(['looks'])
  await writer.close()
  expect(deeds).toEqual(['looks', 'has looked', 'closes'])
})

function lapseOf(): NewSessionEnd {
  const { sites } = parseConfig(writtenConfig('sqlite:unused'), environment)
  const event = parseEndReport(eventOf(), 'browser')
  const arrival = { receivedAt: Date.now(), origin: undefined, ip: undefined, userAgent: undefined }
  return judgeReport(event, undefined, sites.acme ?? { idleTimeoutSeconds: 1, graceSeconds: 0 }, arrival)
}
