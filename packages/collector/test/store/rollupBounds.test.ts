import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterEach, beforeEach, describe, expect, inject, test, vi } from 'vitest'
import { toStoredTime } from '../../../../test/databases.ts'
import { createRollupJob } from '../../src/jobs/rollupJob.ts'
import { computeStepStart, lastStepSeconds, pastLimitSteps } from '../../src/reading/pastLimit.ts'
import type { SkippedRows } from '../../src/store/rollup/changeCounts.ts'
import { serializeDay } from '../../src/store/rollup/rollupDay.ts'
import { createCollector, createReport, type InProcessCollector, issueToken } from '../support/collector.ts'
import { runLapseIn, writeConfigIn } from '../support/command.ts'
import { insertRows } from '../support/rows.ts'

vi.setConfig({ testTimeout: 120_000 })

const day = 86_400_000
const noon = Date.UTC(2026, 0, 2, 12)
const idleMs = 1_800_000

describe('The counts of a day', () => {
  /** The starts of all steps. */
  const steps = [...new Set(listAllSeconds().map(computeStepStart))]

  function listAllSeconds(): number[] {
    let from = 0
    const seconds = pastLimitSteps.flatMap(({ until, step }) => {
      const within = Array.from(
        { length: Math.ceil((until - from) / step) },
        (_, index) => from + index * step,
      )
      from = until
      return within
    })
    return [...seconds, lastStepSeconds, lastStepSeconds + 1, 8_000 * 365 * 86_400, Number.MAX_SAFE_INTEGER]
  }

  test('The counts of a day fit into a TEXT column, whatever is reported', () => {
    expect(steps.length).toBeLessThan(2_000)
    const count = 999_999_999
    const { quarters, past_limit } = serializeDay({
      ...{ day: 20_000, site: 'acme', reason: 'idle_timeout', evidence: 'self_reported' },
      quarterHours: Array.from({ length: 96 }, () => count),
      pastLimit: new Map(steps.map((step) => [step, count])),
    })
    expect(quarters.length).toBeLessThan(1_000)
    expect(past_limit.length).toBeLessThan(45_000)
  })

  test('No step is longer than a 60th of its start, except the last one', () => {
    for (const { step, until } of pastLimitSteps.slice(1)) {
      const previous = pastLimitSteps[pastLimitSteps.findIndex((each) => each.until === until) - 1]
      expect(step * 60).toBeLessThanOrEqual(previous?.until ?? 0)
    }
    expect(steps.filter((step) => computeStepStart(step) !== step)).toEqual([])
  })
})

describe.each(inject('databaseServers'))('The rollup of hostile rows on $name', (server) => {
  let collector: InProcessCollector
  let folder: string
  let token: string
  beforeEach(async () => {
    collector = await createCollector(server)
    folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
    const site = { origins: ['https://app.acme.com'], idleTimeoutSeconds: 1800 }
    writeConfigIn(folder, { database: collector.database.url, sites: { acme: site } })
    token = (await issueToken(collector.store)).token
  })
  afterEach(async () => {
    await collector.end()
    rmSync(folder, { recursive: true })
  })

  async function readSummary(from: number, to: number) {
    const range = `from=${new Date(from).toISOString()}&to=${new Date(to).toISOString()}`
    const response = await fetch(`${collector.url}/v1/summary?${range}`, {
      headers: { Authorization: `Bearer ${token}`, Connection: 'close' },
    })
    expect(response.status, await response.clone().text()).toBe(200)
    const { buckets, pastLimit } = await response.json()
    const counts: object[] = buckets.map((bucket: { counts: object }) => bucket.counts)
    return { counts, pastLimit }
  }

  const getSql = () => collector.database.sql
  const moveReceiptBack = () =>
    getSql()('session_audit').update({ received_at: toStoredTime(getSql(), Date.now() - 600_000) })
  const readCell = () =>
    getSql()('session_audit_rollup').where({ site: 'acme', reason: 'idle_timeout' }).first()
  const readMark = async () => Number((await getSql()('session_audit_rollup_progress').first()).up_to_id)

  test('5,000 reports with arbitrary times do not break the rollup or the summary', async () => {
    const now = Date.now()
    const reports = Array.from({ length: 5_000 }, (_, index) => {
      const elapsed = [index * 6_907_000, index * 43_200_000, index * 40 * 365 * 21_600_000][index % 3] ?? 0
      const lastAccessAt = Math.max(now - elapsed - idleMs, Date.UTC(2000, 0))
      return createReport({ lastAccessAt, startedAt: lastAccessAt, detectedAt: now, sentAt: now })
    })
    for (let start = 0; start < reports.length; start += 100) {
      const answers = await Promise.all(
        reports.slice(start, start + 100).map((report) => collector.post(report)),
      )
      expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([201]))
      await Promise.all(answers.map((answer) => answer.text()))
    }
    await moveReceiptBack()
    const before = await readSummary(now - 500 * day, now + day)
    await collector.store.rollup.update()
    expect(await readMark()).toBe(5_000)
    expect(await readSummary(now - 500 * day, now + day)).toEqual(before)
    expect(before.counts.flatMap((counts) => Object.values(counts)).reduce((a, b) => a + b, 0)).toBe(5_000)
  })

  test('5,000 rows with arbitrary times from an earlier version fit into one small cell', async () => {
    const rows = Array.from({ length: 5_000 }, (_, index) => ({
      session: `s_${index}`,
      detected_at: noon,
      elapsed_ms: idleMs + index * 43_200_000,
    }))
    await insertRows(getSql(), rows)
    const before = await readSummary(noon - day, noon + day)
    await collector.store.rollup.update()
    expect(await readMark()).toBe(5_000)
    expect((await readCell()).past_limit.length).toBeLessThan(10_000)
    const after = await readSummary(noon - day, noon + day)
    expect(after).toEqual(before)
    expect(after.pastLimit).toMatchObject({ count: 5_000, p99Ms: lastStepSeconds * 1000 })
    expect(await runLapseIn(folder, ['rollup'])).toMatchObject({ status: 0, stderr: '' })
    expect(await readSummary(noon - day, noon + day)).toEqual(before)
  })

  test('Counts with the steps of an earlier version can be read, and rows subtracted from them', async () => {
    const rows = Array.from({ length: 900 }, (_, index) => ({
      session: `s_${index}`,
      detected_at: noon,
      elapsed_ms: idleMs + index * 43_200_000,
    }))
    await insertRows(getSql(), rows)
    const before = await readSummary(noon - day, noon + day)
    await collector.store.rollup.update()
    const older = JSON.stringify(rows.map((_, index) => [index * 43_200, 1]))
    await getSql()('session_audit_rollup').update({ past_limit: older })
    expect(await readSummary(noon - day, noon + day)).toEqual(before)
    await moveReceiptBack()
    await collector.store.retention.purge([{ site: 'acme', before: new Date() }])
    expect(await getSql()('session_audit_rollup')).toEqual([])
    expect((await readSummary(noon - day, noon + day)).pastLimit.count).toBe(0)
  })

  test.each([
    ['were truncated by the database', `[[0,1],[43200,1`],
    ['are not counts', '{"a": 1}'],
    ['are empty', ''],
  ])('A day whose counts %s is counted again, and the summary stays correct', async (_, damaged) => {
    const createRows = (from: number) =>
      Array.from({ length: 10 }, (_, index) => ({ session: `s_${from + index}`, detected_at: noon }))
    await insertRows(getSql(), createRows(0))
    await collector.store.rollup.update()
    await getSql()('session_audit_rollup').update({ past_limit: damaged })
    expect((await readSummary(noon - day, noon + day)).counts).toEqual([{ idle_timeout: 10 }])
    await insertRows(getSql(), createRows(10))
    await collector.store.rollup.update()
    expect(JSON.parse((await readCell()).past_limit)).toEqual([[600, 20]])
    expect(await readSummary(noon - day, noon + day)).toMatchObject({
      counts: [{ idle_timeout: 20 }],
      pastLimit: { count: 20 },
    })
  })

  test('The rollup skips and reports a day that the database refuses', async () => {
    const refused = Math.floor(noon / day)
    await getSql().raw(
      server.url === undefined
        ? `create trigger refuse before insert on session_audit_rollup when new.day = ${refused} begin select raise(abort, 'no'); end`
        : `create trigger refuse before insert on session_audit_rollup for each row begin if new.day = ${refused} then signal sqlstate '45000'; end if; end`,
    )
    await insertRows(getSql(), [
      { session: 's_1', detected_at: noon - day },
      { session: 's_2', detected_at: noon },
      { session: 's_3', detected_at: noon },
      { session: 's_4', detected_at: noon + day },
    ])
    const logLines: string[] = []
    const log = pino({}, { write: (line) => void logLines.push(line) })
    let skippedRows = 0
    const job = createRollupJob(collector.store, log, {
      observeSkippedRows(rows) {
        skippedRows += rows
      },
    })
    await job.run(new AbortController().signal)
    expect(await readMark()).toBe(4)
    expect(skippedRows).toBe(2)
    expect(logLines.map((line) => JSON.parse(line))).toMatchObject([
      { level: 50, rows: 2, reason: expect.stringMatching('the site "acme" on 2026-01-02') },
    ])
    expect((await readSummary(noon - 2 * day, noon + 2 * day)).counts).toEqual([
      { idle_timeout: 1 },
      { idle_timeout: 1 },
    ])
    await insertRows(getSql(), [{ session: 's_5', detected_at: noon, site: 'acme\u001b[2J' }])
    const { status, stderr } = await runLapseIn(folder, ['rollup'])
    expect(status).toBe(0)
    expect(stderr).toMatch('lapse: 2 rows could not be counted')
    expect(stderr).toMatch('"acme\\u001b[2J"')
  })

  test('The rollup skips rows with invalid times and counts the others', async () => {
    const isSqlite = server.url === undefined
    const extreme = isSqlite ? 'never' : '-9223372036854775808'
    await insertRows(getSql(), [
      { session: 's_1', detected_at: noon },
      { session: 's_2', detected_at: noon, elapsed_ms: extreme },
      { session: 's_3', detected_at: Date.UTC(1950, 0) },
      { session: 's_4', detected_at: Date.UTC(9999, 11, 31), received_at: toStoredTime(getSql(), noon) },
    ])
    if (isSqlite) {
      await insertRows(getSql(), [{ session: 's_5', detected_at: noon }])
      await getSql()('session_audit').where({ session: 's_5' }).update({ detected_at: 'garbage' })
    }
    const skipped: SkippedRows[] = []
    await collector.store.rollup.update({ onSkipped: (each) => void skipped.push(each) })
    expect(skipped).toMatchObject([{ rows: isSqlite ? 2 : 1 }])
    expect(await readMark()).toBe(isSqlite ? 5 : 4)
    expect((await readSummary(noon - day, noon + day)).counts).toEqual([{ idle_timeout: 2 }])
    await moveReceiptBack()
    await collector.store.retention.purge([{ site: 'acme', before: new Date() }])
    expect(await getSql()('session_audit')).toEqual([])
    expect(await getSql()('session_audit_rollup')).toEqual([])
  })

  test('Rows from the year 9999, which an earlier version accepted, break neither lists nor summaries', async () => {
    const far = [Date.UTC(9999, 11, 31, 23, 59, 59, 999), Date.UTC(9999, 11, 31), Date.UTC(9998, 0)]
    const rows = [...far, noon, noon - day, 0]
    await insertRows(
      getSql(),
      rows.map((at, index) => ({
        ...{ session: `s_${index}`, detected_at: at, received_at: toStoredTime(getSql(), noon) },
        ...{
          started_at: toStoredTime(getSql(), at),
          last_access_at: toStoredTime(getSql(), at),
          expired_at: null,
        },
      })),
    )
    const headers = { Authorization: `Bearer ${token}`, Connection: 'close' }
    const seen: string[] = []
    let cursor: string | null = null
    do {
      const query: string = cursor === null ? '' : `&cursor=${cursor}`
      const response = await fetch(`${collector.url}/v1/lapses?limit=2${query}`, { headers })
      const page = await response.json()
      seen.push(...page.lapses.map(({ detectedAt }: { detectedAt: string }) => detectedAt))
      cursor = page.next
    } while (cursor !== null && seen.length < 20)
    expect(seen).toEqual(rows.map((at) => new Date(at).toISOString()))
    for (const format of ['csv', 'ndjson', 'ecs', 'ocsf', 'owasp']) {
      const response = await fetch(`${collector.url}/v1/lapses?format=${format}`, { headers })
      expect((await response.text()).match(/self_reported/g)?.length, format).toBe(rows.length)
    }
    for (const _ of ['before', 'after the rollup']) {
      expect((await readSummary(noon - day, noon + day)).counts).toHaveLength(2)
      expect((await readSummary(Date.UTC(9998, 0), Date.UTC(9998, 1))).counts).toHaveLength(1)
      expect((await readSummary(Date.UTC(9999, 11, 1), far[0] ?? 0)).counts).toHaveLength(1)
      await collector.store.rollup.update()
    }
    expect(await readMark()).toBe(rows.length)
  })
})
