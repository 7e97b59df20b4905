import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, inject, onTestFinished, test } from 'vitest'
import {
  createCollector,
  createReport,
  type InProcessCollector,
  issueToken,
  origin,
  postReport,
} from '../support/collector.ts'
import { insertRows } from '../support/rows.ts'

const rowCount = 1 << 17

describe.each(inject('databaseServers'))('Heavy readers on $name', (server) => {
  let collector: InProcessCollector
  beforeAll(async () => {
    collector = await createCollector(server)
    await fillTable(collector)
  }, 300_000)
  afterAll(() => collector.end())

  test('delay neither reports from servers and browsers nor health checks', async () => {
    const reader = await issueToken(collector.store)
    const writer = await issueToken(collector.store, { scope: 'write' })
    // With the filter by subject, each summary reads all rows instead of the rollup.
    const summaries = Array.from({ length: 40 }, async () => {
      const response = await fetch(`${collector.url}/v1/summary?subject=u_42&bucket=hour`, {
        headers: { Authorization: `Bearer ${reader.token}` },
      })
      await response.text()
      return response.status
    })
    const settled = Promise.all(summaries)
    let isReading = true
    void settled.finally(() => {
      isReading = false
    })
    const statuses = { server: new Set<number>(), browser: new Set<number>(), health: new Set<number>() }
    let rounds = 0
    while (isReading && rounds < 500) {
      rounds += 1
      const fromServer = { site: 'acme', session: randomUUID(), detectedBy: 'server', reason: 'revoked' }
      const headers = { Authorization: `Bearer ${writer.token}` }
      statuses.server.add((await postReport(collector.url, fromServer, headers)).status)
      statuses.browser.add((await postReport(collector.url, createReport(), { Origin: origin })).status)
      statuses.health.add((await fetch(`${collector.url}/readyz`)).status)
    }
    expect(rounds).toBeGreaterThan(5)
    expect(statuses).toEqual({
      server: new Set([201]),
      browser: new Set([201]),
      health: new Set([200]),
    })
    // Too many simultaneous readers get 503 and can try again later.
    expect((await settled).filter((status) => ![200, 503].includes(status))).toEqual([])
    expect(await settled).toContain(200)
  })

  test('do not block the process for other requests', async () => {
    const reader = await issueToken(collector.store)
    const order: string[] = []
    const read = async (path: string) => {
      const response = await fetch(collector.url + path, {
        headers: { Authorization: `Bearer ${reader.token}` },
      })
      await response.text()
      order.push(path)
    }
    const summary = read('/v1/summary?subject=u_42&bucket=hour')
    await sleep(20)
    await read('/healthz')
    await summary
    expect(order).toEqual(['/healthz', '/v1/summary?subject=u_42&bucket=hour'])
  })
})

describe.each(inject('databaseServers').filter(({ url }) => url))('A list on $name', (server) => {
  test('is aborted after 30 seconds, and the next one succeeds', async () => {
    const collector = await createCollector(server)
    onTestFinished(collector.end)
    const { token } = await issueToken(collector.store)
    const list = () => fetch(`${collector.url}/v1/lapses`, { headers: { Authorization: `Bearer ${token}` } })
    const blocker = await createConnection(collector.database.url)
    await blocker.query('lock tables session_audit write')
    const response = await list()
    expect(response.status).toBe(503)
    expect(Number(response.headers.get('retry-after'))).toBeGreaterThan(0)
    await blocker.end()
    expect((await list()).status).toBe(200)
  })
})

/** Fills the table by doubling its rows. */
async function fillTable({ database: { sql, url } }: InProcessCollector): Promise<void> {
  const now = Date.now()
  await insertRows(sql, [{ session: '1', detected_at: now - 3_600_000 }])
  const columns = Object.keys((await sql('session_audit').first()) ?? {}).filter((column) => column !== 'id')
  const changed = url.startsWith('sqlite:')
    ? "session_key || '.' || :step"
    : "concat(session_key, '.', :step)"
  for (let step = 1; 1 << step <= rowCount; step++) {
    const selected = columns.map((column) => (column === 'session_key' ? changed : column)).join()
    await sql.raw(`insert into session_audit (${columns.join()}) select ${selected} from session_audit`, {
      step,
    })
  }
}
