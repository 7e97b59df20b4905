import { randomBytes, randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createConnection } from 'mysql2/promise'
import { describe, expect, inject, onTestFinished, test } from 'vitest'
import { createCollector, issueToken, postReport } from '../support/collector.ts'

const inventToken = () => `lapse_${randomBytes(8).toString('hex')}_${randomBytes(32).toString('base64url')}`

describe.each(inject('databaseServers'))('A flood of invented tokens on $name', (server) => {
  test('does not prevent servers from reporting', { timeout: 120_000 }, async () => {
    // The flood and the server have different addresses.
    const collector = await createCollector(server, { trustProxy: ['127.0.0.1'] })
    onTestFinished(collector.end)
    const { token } = await issueToken(collector.store, { scope: 'write' })
    const asServer = { Authorization: `Bearer ${token}`, 'X-Forwarded-For': '203.0.113.1' }
    const same = inventToken()
    const flood = Array.from({ length: 2_000 }, async (_, index) => {
      const Authorization = `Bearer ${index % 2 === 0 ? same : inventToken()}`
      const headers = { Authorization, 'X-Forwarded-For': '203.0.113.2' }
      const response = await fetch(`${collector.url}/v1/lapses`, { headers })
      await response.text()
      return response.status
    })
    const reports = Array.from({ length: 20 }, async () => {
      const report = { site: 'acme', session: randomUUID(), detectedBy: 'server', reason: 'revoked' }
      return (await postReport(collector.url, report, asServer)).status
    })
    expect(await Promise.all(reports)).toEqual(reports.map(() => 201))
    const refusals = await Promise.all(flood)
    expect(refusals.filter((status) => status !== 401 && status !== 429)).toEqual([])
    expect(refusals).toContain(401)
  })
})

describe.each(inject('databaseServers').filter(({ url }) => url))(
  'Waiting token lookups on $name',
  (server) => {
    test('are limited to 64 different tokens per address', async () => {
      const collector = await createCollector(server)
      onTestFinished(collector.end)
      const blocker = await createConnection(collector.database.url)
      await blocker.query('lock tables session_audit_tokens write')
      const read = async (token: string) => {
        const headers = { Authorization: `Bearer ${token}` }
        const response = await fetch(`${collector.url}/v1/lapses`, { headers })
        const body = await response.json()
        return { status: response.status, retryAfter: response.headers.get('retry-after'), body }
      }
      const waiting = Array.from({ length: 64 }, () => read(inventToken()))
      await sleep(500)
      const refused = await read(inventToken())
      expect(refused).toMatchObject({ status: 429, retryAfter: '1', body: { status: 429 } })
      await blocker.end()
      const statuses = (await Promise.all(waiting)).map(({ status }) => status)
      expect(statuses).toEqual(statuses.map(() => 401))
      expect((await read(inventToken())).status).toBe(401)
    })
  },
)
