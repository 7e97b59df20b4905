import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { createCollector, eventOf, issueToken, origin, postEvent, type TestCollector } from './collector.ts'
import { insertRows } from './rows.ts'

const rowCount = 1 << 18

describe.each(inject('databaseServers'))('heavy readers on $name', (server) => {
  let collector: TestCollector
  beforeAll(async () => {
    collector = await createCollector(server)
    await fill(collector)
  }, 300_000)
  afterAll(() => collector.end())

  test('do not keep servers from reporting, browsers from reporting, or health checks from passing', async () => {
    const reader = await issueToken(collector.store)
    const writer = await issueToken(collector.store, { scope: 'write' })
    // Nothing of these is in the rollup, so all rows are read, again and again.
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
      statuses.server.add((await postEvent(collector.url, fromServer, headers)).status)
      statuses.browser.add((await postEvent(collector.url, eventOf(), { Origin: origin })).status)
      statuses.health.add((await fetch(`${collector.url}/readyz`)).status)
    }
    expect(rounds).toBeGreaterThan(5)
    expect(statuses).toEqual({
      server: new Set([201]),
      browser: new Set([201]),
      health: new Set([200]),
    })
    // Whoever asks for too much at a time is told to come back, and gets an answer later.
    expect((await settled).filter((status) => ![200, 503].includes(status))).toEqual([])
    expect(await settled).toContain(200)
  })
})

/** Writes rows by doubling them in the database. */
async function fill({ database: { sql, url } }: TestCollector): Promise<void> {
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
