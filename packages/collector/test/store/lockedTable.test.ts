import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection } from 'mysql2/promise'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { createCollector, createReport } from '../support/collector.ts'

const servers = inject('databaseServers').filter(({ url }) => url !== undefined)

describe.each(servers)('A table on $name that another client has locked', (server) => {
  test('A locked table does not make the collector open more and more connections', {
    timeout: 90_000,
  }, async () => {
    const collector = await createCollector(server)
    onTestFinished(collector.end)
    const { url } = collector.database
    const database = new URL(url).pathname.slice(1)
    const blocker = await createConnection(url)
    await blocker.query('lock tables session_audit read')
    const statuses = new Set<number>()
    const until = performance.now() + 25_000
    const browsers = Array.from({ length: 4 }, async () => {
      while (performance.now() < until) {
        statuses.add((await collector.post(createReport())).status)
        await sleep(50)
      }
    })
    await Promise.all(browsers)
    expect(statuses).toEqual(new Set([503]))
    const [[counted]] = (await blocker.query(
      'select count(*) as count from information_schema.processlist where db = ?',
      [database],
    )) as unknown as [[{ count: number }]]
    await blocker.end()
    // Three connections of the writer, each with one that replaces it while the server still waits, and those of jobs
    // and readers.
    expect(counted.count).toBeLessThan(20)
    await expect.poll(async () => (await collector.post(createReport())).status).toBe(201)
  })
})
