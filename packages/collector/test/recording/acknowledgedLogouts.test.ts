import { describe, expect, onTestFinished, test } from 'vitest'
import { createCollector, createReport } from '../support/collector.ts'

const createLogout = () => createReport({ lastAccessAt: Date.now() - 60_000, detectedBy: 'logout' })

describe('A logout that is only acknowledged', () => {
  test('is counted and logged apart from recorded reports', async () => {
    const collector = await createCollector({ name: 'SQLite' })
    onTestFinished(collector.end)
    await collector.post(createLogout())
    const metrics = await (await fetch(`${collector.url}/metrics`)).text()
    expect(metrics).toMatch('lapse_unrecorded_logouts_total{site="acme"} 1')
    expect(metrics).not.toMatch('lapse_verdicts_total{')
    const lines = collector.logLines.map((line) => JSON.parse(line))
    expect(lines.filter(({ path }) => path === '/v1/lapses')).toMatchObject([
      { status: 200, site: 'acme', reason: 'logout', recorded: false },
    ])
  })

  test('gets a 503 while the database is unavailable, because it has to be remembered', async () => {
    const collector = await createCollector({ name: 'SQLite' })
    onTestFinished(collector.end)
    await collector.database.sql.schema.dropTable('session_audit')
    expect((await collector.post(createReport())).status).toBe(503)
    expect((await collector.post(createLogout())).status).toBe(503)
  })
})
