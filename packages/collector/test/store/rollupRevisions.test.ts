import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { toStoredTime } from '../../../../test/databases.ts'
import { parseConfig, startCollector } from '../../src/index.ts'
import {
  createCollector,
  createConfig,
  environment,
  type InProcessCollector,
  issueToken,
} from '../support/collector.ts'
import { runLapseIn, writeConfigIn } from '../support/command.ts'
import { insertRows } from '../support/rows.ts'

const day = 86_400_000
const first = Date.UTC(2025, 8, 1)
const days = 20

interface Row {
  readonly id: number
  readonly session: string
  readonly revision: number
  readonly supersedes: number | null
  readonly detected_at: number
  readonly site: string
  readonly reason: string
  readonly evidence: string
  readonly detected_by: string
  readonly elapsed_ms: number
}

interface SessionReturn {
  readonly id: number
  readonly audit_id: number
  /** Milliseconds after the idle timeout. */
  readonly pastMs: number
}

const any = <T>(...values: T[]) => values[Math.floor(Math.random() * values.length)] as T
/** `insertRows` writes rows that expired ten minutes before they were detected. */
const getExpiry = ({ detected_at: at }: Row) => at - 10 * 60_000

const queries = [
  { query: '', from: first, to: first + days * day, where: () => true },
  {
    query: 'timeZone=Asia/Kolkata&site=acme',
    from: first + 2.3171 * day,
    to: first + 17.7123 * day,
    where: ({ site }: Row) => site === 'acme',
  },
  {
    query: 'bucket=hour&evidence=signed&reason=idle_timeout',
    from: first + 5.001 * day,
    to: first + 5.009 * day,
    where: ({ evidence, reason }: Row) => evidence === 'signed' && reason === 'idle_timeout',
  },
]

describe.each(inject('databaseServers'))('Summaries of rows with revisions, on $name,', (server) => {
  let collector: InProcessCollector
  let folder: string
  let token: string
  let rows: Row[] = []
  let returns: SessionReturn[] = []
  let lastId = 0
  let lastReturnId = 0
  beforeAll(async () => {
    collector = await createCollector(server)
    token = (await issueToken(collector.store)).token
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    const { sites, ...config } = createConfig(collector.database.url)
    writeConfigIn(folder, { ...config, sites: { acme: sites.acme } })
  })
  afterAll(async () => {
    await collector.end()
    rmSync(folder, { recursive: true })
  })

  const listCurrent = () => {
    const superseded = new Set(rows.map(({ supersedes }) => supersedes))
    return rows.filter(({ id }) => !superseded.has(id))
  }

  /** Inserts rows of new sessions, and rows that correct current ones. */
  async function insert(count: number, share = { corrections: 0.4 }): Promise<void> {
    const added: Row[] = []
    const current = listCurrent()
    for (let index = 0; index < count; index++) {
      const [corrected] =
        Math.random() < share.corrections ? current.splice(Math.floor(Math.random() * current.length), 1) : []
      lastId += 1
      const detectedBy = any('login_page', 'server', 'sweep', 'sweep')
      const row: Row = {
        id: lastId,
        session: corrected?.session ?? randomUUID(),
        revision: (corrected?.revision ?? 0) + 1,
        supersedes: corrected?.id ?? null,
        detected_at: Math.floor(first + Math.random() * days * day),
        site: corrected?.site ?? any('acme', 'signed'),
        reason: any('idle_timeout', 'idle_timeout', 'logout', 'ended_early'),
        evidence: any('signed', 'self_reported', 'server'),
        detected_by: detectedBy,
        elapsed_ms: Math.floor(1_790_000 + Math.exp(Math.random() * 16)),
      }
      added.push(row)
      current.push(row)
    }
    await insertRows(
      collector.database.sql,
      added.map((row) => ({ ...row })),
    )
    rows.push(...added)
  }

  /** Lets users come back after timeouts that the sweep recorded. */
  async function insertReturns(count: number): Promise<void> {
    const returned = new Set(returns.map((each) => each.audit_id))
    const swept = rows.filter((row) => row.detected_by === 'sweep' && !returned.has(row.id))
    const { sql } = collector.database
    for (let index = 0; index < count; index++) {
      const [row] = swept.splice(Math.floor(Math.random() * swept.length), 1)
      if (!row) return
      lastReturnId += 1
      const pastMs = Math.floor(Math.exp(Math.random() * 18))
      await sql('session_return').insert({
        id: lastReturnId,
        audit_id: row.id,
        site: row.site,
        returned_at: toStoredTime(sql, getExpiry(row) + pastMs),
        received_at: toStoredTime(sql, getExpiry(row) + pastMs),
      })
      returns.push({ id: lastReturnId, audit_id: row.id, pastMs })
    }
  }

  async function readSummary(query: string, from: number, to: number, url: string) {
    const range = `from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}`
    const headers = { Authorization: `Bearer ${token}`, Connection: 'close' }
    const response = await fetch(`${url}/v1/summary?${range}&${query}`, { headers })
    expect(response.status, await response.clone().text()).toBe(200)
    return response.json()
  }

  /** Compares the summaries with the rows and the returns. */
  async function expectExact(url = collector.url): Promise<void> {
    const pastMsByRow = new Map(returns.map((each) => [each.audit_id, each.pastMs]))
    for (const { query, from, to, where } of queries) {
      const { buckets, pastLimit } = await readSummary(query, from, to, url)
      const matching = listCurrent().filter(
        (row) => row.detected_at >= from && row.detected_at < to && where(row),
      )
      const counts: Record<string, number> = {}
      for (const bucket of buckets)
        for (const [reason, count] of Object.entries<number>(bucket.counts))
          counts[reason] = (counts[reason] ?? 0) + count
      const expected = Map.groupBy(matching, ({ reason }) => reason)
      expect(counts).toEqual(
        Object.fromEntries([...expected].map(([reason, { length }]) => [reason, length])),
      )

      const timeouts = matching.filter((row) => row.reason === 'idle_timeout' && row.detected_by !== 'server')
      const past = timeouts.flatMap((row) =>
        row.detected_by === 'sweep' ? (pastMsByRow.get(row.id) ?? []) : [row.elapsed_ms - 1_800_000],
      )
      expect({ count: pastLimit.count, notReturned: pastLimit.notReturned }).toEqual({
        count: past.length,
        notReturned: timeouts.length - past.length,
      })
      for (const { fromMs, toMs, count } of pastLimit.histogram)
        expect({ fromMs, count }).toEqual({
          fromMs,
          count: past.filter((ms) => Math.max(ms, 0) >= fromMs && (toMs === null || ms < toMs)).length,
        })
    }
  }

  test('are exact without the rollup', async () => {
    await insert(600)
    await insertReturns(100)
    await expectExact()
  })

  test('are exact after the rollup has counted rows, corrections and returns', async () => {
    await collector.store.rollup.update()
    await expectExact()
  })

  test('are exact while new rows correct counted ones, and users come back after counted timeouts', async () => {
    for (let round = 0; round < 3; round++) {
      await insert(40, { corrections: 0.9 })
      await expectExact()
      await insertReturns(40)
      await expectExact()
      await collector.store.rollup.update()
      await expectExact()
    }
  })

  test('are exact when the rollup has counted a row before its correction and its return arrive', async () => {
    await insert(50, { corrections: 0 })
    await collector.store.rollup.update()
    await insertReturns(60)
    await insert(80, { corrections: 1 })
    await expectExact()
    await collector.store.rollup.update()
    await expectExact()
  })

  test('are exact for an account that can only insert into and select from the audit table', async () => {
    if (server.url === undefined) return
    const { sql, url } = collector.database
    const name = new URL(url).pathname.slice(1)
    const user = `reader_${randomUUID().slice(0, 8)}`
    await sql.raw("create user ??@'127.0.0.1' identified by 'secret'", [user])
    for (const table of ['audit', 'audit_tokens', 'audit_migrations', 'return', 'live'])
      await sql.raw("grant select, insert on ??.?? to ??@'127.0.0.1'", [name, `session_${table}`, user])
    const config = parseConfig(
      createConfig(url.replace('//root@', `//${user}:secret@`), { logLevel: 'silent' }),
      environment,
    )
    const replica = await startCollector(config)
    await expectExact(replica.url)
    await replica.close()
    await sql.raw("drop user ??@'127.0.0.1'", [user])
  })

  test('are exact after lapse rollup', async () => {
    expect(await runLapseIn(folder, ['rollup'])).toMatchObject({ status: 0 })
    await expectExact()
    await insert(20, { corrections: 0.9 })
    await insertReturns(20)
    await expectExact()
  })

  test('are exact after a purge, which leaves no trace of deleted rows in the rollup', async () => {
    const purge = async (site: string, before: number) => {
      await collector.store.retention.purge([{ site, before: new Date(before) }])
      const kept = new Set(await collector.database.sql('session_audit').pluck('id'))
      rows = rows.filter(({ id }) => kept.has(id))
      returns = returns.filter((each) => kept.has(each.audit_id))
      const stored = await collector.database.sql('session_return').pluck('audit_id')
      expect(stored.map(Number).sort()).toEqual(returns.map((each) => each.audit_id).sort())
    }
    await purge('acme', first + 8.123 * day)
    await expectExact()
    await insert(40, { corrections: 0.8 })
    await expectExact()
    await collector.store.rollup.update()
    await expectExact()
    await purge('signed', Date.now())
    await purge('acme', Date.now())
    expect(rows).toEqual([])
    await expectExact()
    await collector.store.rollup.update()
    expect(await collector.database.sql('session_audit_rollup')).toEqual([])
  })
})
