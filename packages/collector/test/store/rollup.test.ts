import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { lapsePath } from '../../../../test/collector.ts'
import { parseConfig, startCollector } from '../../src/index.ts'
import { up as makeRollupOf0004 } from '../../src/store/database/migrations/0004_rollup.ts'
import {
  createCollector,
  createConfig,
  createReport,
  environment,
  type InProcessCollector,
  issueToken,
} from '../support/collector.ts'
import { runLapseIn, writeConfigIn } from '../support/command.ts'
import { insertRows } from '../support/rows.ts'

const day = 86_400_000
const first = Date.UTC(2025, 8, 1)
const days = 90

interface Row {
  readonly session: string
  readonly detected_at: number
  readonly site: string
  readonly reason: string
  readonly evidence: string
  readonly detected_by: string
  readonly elapsed_ms: number
  readonly client_version: string
  readonly subject: string | null
}

/** Creates rows with random times, in random order. */
function createRandomRows(count: number): Row[] {
  const any = <T>(...values: T[]) => values[Math.floor(Math.random() * values.length)] as T
  return Array.from({ length: count }, () => ({
    session: `${any('', 'selftest-', 'Selftest-')}${randomUUID()}`,
    detected_at: Math.floor(first + Math.random() * days * day),
    site: any('acme', 'signed'),
    reason: any('idle_timeout', 'idle_timeout', 'logout', 'ended_early'),
    evidence: any('signed', 'self_reported', 'server'),
    detected_by: any('login_page', 'server'),
    elapsed_ms: Math.floor(1_790_000 + Math.exp(Math.random() * 16)),
    client_version: any('1.0.0', 'selftest'),
    subject: any('u_42', 'selftest', null),
  }))
}

const isSelftest = ({ client_version: client, subject, session, evidence, detected_by: by }: Row) =>
  client === 'selftest' &&
  subject === 'selftest' &&
  session.startsWith('selftest-') &&
  evidence !== 'server' &&
  by === 'login_page'

const queries = [
  { query: '', from: first, to: first + days * day, where: () => true },
  {
    // Neither end is the start of a quarter of an hour, an hour, or a day.
    query: 'timeZone=Asia/Kolkata&site=acme',
    from: first + 10.3171 * day,
    to: first + 80.7123 * day,
    where: ({ site }: Row) => site === 'acme',
  },
  {
    query: 'timeZone=Europe/Vienna&bucket=hour&evidence=signed&reason=idle_timeout',
    from: first + 40.001 * day,
    to: first + 40.009 * day,
    where: ({ evidence, reason }: Row) => evidence === 'signed' && reason === 'idle_timeout',
  },
]

describe.each(inject('databaseServers'))('The rollup on $name', (server) => {
  let collector: InProcessCollector
  let folder: string
  let token: string
  let kept: Row[] = []
  beforeAll(async () => {
    collector = await createCollector(server)
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    const { sites, ...config } = createConfig(collector.database.url)
    writeConfigIn(folder, { ...config, sites: { acme: sites.acme } })
    token = (await issueToken(collector.store)).token
  })
  afterAll(async () => {
    await collector.end()
    rmSync(folder, { recursive: true })
  })

  async function insert(count: number): Promise<void> {
    const rows = createRandomRows(count)
    await insertRows(
      collector.database.sql,
      rows.map((row) => ({ ...row })),
    )
    kept.push(...rows)
  }

  async function readSummary(query: string, from: number, to: number, url = collector.url) {
    const range = `from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}`
    const response = await fetch(`${url}/v1/summary?${range}&${query}`, {
      // This process may be busy for longer than connections stay open, and a request could meet one that is closing.
      headers: { Authorization: `Bearer ${token}`, Connection: 'close' },
    })
    expect(response.status, await response.clone().text()).toBe(200)
    const { buckets, pastLimit } = await response.json()
    return { buckets, pastLimit }
  }

  /** Compares the summaries with the rows, bucket by bucket. */
  async function expectExact(url = collector.url): Promise<void> {
    for (const { query, from, to, where } of queries) {
      const { buckets, pastLimit } = await readSummary(query, from, to, url)
      const rows = kept.filter(
        (row) => !isSelftest(row) && row.detected_at >= from && row.detected_at < to && where(row),
      )
      const total = buckets.flatMap(({ counts }: { counts: Record<string, number> }) => Object.values(counts))
      expect(total.reduce((sum: number, count: number) => sum + count, 0)).toBe(rows.length)
      for (const [index, { start, counts }] of buckets.entries()) {
        const end = Date.parse(buckets[index + 1]?.start ?? new Date(to).toISOString())
        const within = rows.filter(({ detected_at: at }) => at >= Date.parse(start) && at < end)
        expect(counts).toEqual(
          Object.fromEntries(
            [...Map.groupBy(within, ({ reason }) => reason)].map(([reason, { length }]) => [reason, length]),
          ),
        )
      }
      const past = rows
        .filter(({ reason, detected_by: by }) => reason === 'idle_timeout' && by !== 'server')
        .map((row) => row.elapsed_ms - 1_800_000)
      expect(pastLimit.count).toBe(past.length)
      for (const { fromMs, toMs, count } of pastLimit.histogram)
        expect(count).toBe(
          past.filter((ms) => Math.max(ms, 0) >= fromMs && (toMs === null || ms < toMs)).length,
        )
    }
  }

  const readMark = async () =>
    Number((await collector.database.sql('session_audit_rollup_progress').first()).up_to_id)

  const selectCounts = (where: object) => collector.database.sql('session_audit_rollup').where(where)

  async function emptyRollup(): Promise<void> {
    await collector.database.sql('session_audit_rollup_progress').update({ up_to_id: 0 })
    await collector.database.sql('session_audit_rollup').delete()
  }

  test('A summary is the same with and without the rollup', async () => {
    await insert(3_000)
    await expectExact()
    await collector.store.rollup.update()
    expect(await readMark()).toBeGreaterThanOrEqual(3_000)
    await expectExact()
    await insert(500)
    await expectExact()
    await collector.store.rollup.update()
    await expectExact()
  })

  test('The rollup does not count rows while earlier ones may be uncommitted', async () => {
    const before = await readMark()
    await collector.post(createReport())
    await collector.store.rollup.update()
    expect(await readMark()).toBe(before)
    const now = Date.now()
    const { buckets } = await readSummary('', now - day, now + day)
    expect(buckets.map(({ counts }: { counts: object }) => counts)).toEqual([{ idle_timeout: 1 }])
  })

  test('A purge removes rows from the table and the rollup in the same transaction', async () => {
    const before = first + 30.123 * day
    const purging = collector.store.retention.purge([{ site: 'acme', before: new Date(before) }])
    const isPurged = (row: Row) => row.site === 'acme' && row.detected_at < before
    let last = Number.POSITIVE_INFINITY
    for (let look = 0; look < 20; look++) {
      const { pastLimit } = await readSummary('site=acme', first, first + days * day)
      expect(pastLimit.count).toBeLessThanOrEqual(last)
      last = pastLimit.count
    }
    await purging
    kept = kept.filter((row) => !isPurged(row))
    await expectExact()
    const lastGone = Math.floor(before / day) - 1
    expect(await selectCounts({ site: 'acme' }).where('day', '<=', lastGone)).toEqual([])
    expect(await selectCounts({ site: 'signed' }).where('day', '<=', lastGone)).not.toEqual([])
  })

  test('Summaries are exact while rows arrive and several processes update the rollup', async () => {
    const counting = Array.from({ length: 4 }, async () => {
      for (let round = 0; round < 5; round++) {
        await collector.store.rollup.update()
        await sleep(20)
      }
    })
    for (let round = 0; round < 5; round++) {
      await insert(100)
      await expectExact()
    }
    await Promise.all(counting)
    await collector.store.rollup.update()
    await expectExact()
  })

  test('lapse rollup rebuilds the rollup', async () => {
    const { status, stdout } = await runLapseIn(folder, ['rollup'])
    expect(status).toBe(0)
    expect(stdout).toMatch(/^Rolled up all rows up to id \d+/)
    await expectExact()
  })

  test('An upgrade from a version with another rollup table counts all rows again', async () => {
    const { sql } = collector.database
    expect(await readMark()).toBeGreaterThan(0)
    await sql.schema.dropTable('session_audit_rollup')
    await makeRollupOf0004(sql, { schema: undefined, table: 'session_audit' })
    const repeated = ['0005_rollup_by_site', '0011_rollup_progress', '0017_summary_parts.compatible']
    await sql('session_audit_migrations').whereIn('name', repeated).delete()
    expect(await collector.store.schema.migrate()).toEqual(repeated)
    await expectExact()
    await collector.store.rollup.update()
    await expectExact()
  })

  test('A rollup that is killed stays correct and continues where it stopped', {
    timeout: 60_000,
  }, async () => {
    await insert(30_000)
    await emptyRollup()
    const rollup = spawn(process.execPath, [lapsePath, 'rollup'], { cwd: folder, stdio: 'ignore' })
    const exited = once(rollup, 'exit')
    await expect.poll(readMark, { interval: 2 }).toBeGreaterThan(0)
    rollup.kill('SIGKILL')
    expect(await exited).toEqual([null, 'SIGKILL'])
    const reached = await readMark()
    expect(reached).toBeGreaterThan(0)
    expect(reached).toBeLessThan(30_000)
    await expectExact()
    const { status } = await runLapseIn(folder, ['rollup'])
    expect(status).toBe(0)
    await expectExact()
  })

  test('lapse serve updates the rollup', { timeout: 60_000 }, async () => {
    await emptyRollup()
    const config = parseConfig(createConfig(collector.database.url), environment)
    const replica = await startCollector({ ...config, logLevel: 'silent' })
    await expect.poll(readMark).toBeGreaterThanOrEqual(3_000)
    await expectExact(replica.url)
    await replica.close()
  })

  test.skipIf(server.url === undefined)(
    'An account without privileges on the rollup gets the same summaries',
    async () => {
      const { sql, url } = collector.database
      const name = new URL(url).pathname.slice(1)
      const user = `reader_${randomUUID().slice(0, 8)}`
      await sql.raw("create user ??@'127.0.0.1' identified by 'secret'", [user])
      for (const table of [
        'session_audit',
        'session_audit_tokens',
        'session_audit_migrations',
        'session_return',
      ])
        await sql.raw("grant select, insert on ??.?? to ??@'127.0.0.1'", [name, table, user])
      const config = parseConfig(
        createConfig(url.replace('//root@', `//${user}:secret@`), { logLevel: 'silent' }),
        environment,
      )
      const replica = await startCollector(config)
      await expectExact(replica.url)
      await replica.close()
      await sql.raw("drop user ??@'127.0.0.1'", [user])
    },
  )
})
