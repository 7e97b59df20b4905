import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  createCollector,
  createConfig,
  environment,
  type InProcessCollector,
  issueToken,
} from '../support/collector.ts'
import { runLapseIn, writeConfigIn } from '../support/command.ts'
import { insertRows } from '../support/rows.ts'

/** A time in the first week of 2026-06, which starts on a Monday. */
const june = (day: number, hour: number) => Date.UTC(2026, 5, day, hour)

let folder: string
let collector: InProcessCollector
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'lapse-test-'))
  collector = await createCollector({ name: 'SQLite' })
  writeConfigIn(folder, createConfig(collector.database.url))
  await insertRows(collector.database.sql, [
    { session: 's_1', detected_at: june(1, 8) },
    { session: 's_2', detected_at: june(1, 9), subject: 'a\u001b[2J' },
    { session: 's_3', detected_at: june(3, 20), reason: 'logout', expired_at: null },
    { session: 's_4', detected_at: june(3, 20), site: 'signed' },
    { session: 's_0', detected_at: Date.UTC(2026, 4, 25, 9) },
  ])
})
afterAll(async () => {
  await collector.end()
  rmSync(folder, { recursive: true })
})

const summarize = (...args: string[]) => runLapseIn(folder, ['summary', ...args], environment)
const week = ['--from', '2026-06-01', '--to', '2026-06-04']

test('The options of lapse summary mean the same as the parameters of GET /v1/summary', async () => {
  const { token } = await issueToken(collector.store)
  const query = {
    ...{
      from: '2026-06-01',
      to: '2026-06-04',
      timeZone: 'Europe/Vienna',
      bucket: 'week',
      search: '-reason:logout',
    },
    ...{ groupBy: 'subject', top: '1', compare: 'previous', flags: 'true' },
  }
  const response = await fetch(`${collector.url}/v1/summary?${new URLSearchParams(query)}`, {
    headers: { Authorization: `Bearer ${token}` },
  })
  const options = ['--time-zone', 'Europe/Vienna', '--bucket', 'week', '--search', '-reason:logout']
  const groups = ['--group-by', 'subject', '--top', '1', '--compare', 'previous', '--flags']
  const { stdout } = await summarize(...week, ...options, ...groups, '--format', 'json')
  const summary = JSON.parse(stdout)
  expect(summary).toEqual(await response.json())
  expect(summary).toMatchObject({
    totals: { ended: 3 },
    groups: [{ key: 'u_42', count: 2, previousCount: 1 }],
    otherCount: 1,
  })
})

test('lapse summary prints tables of totals, buckets, groups and sites', async () => {
  const options = ['--group-by', 'subject', '--compare', 'previous', '--flags']
  const { stdout, stderr } = await summarize(...week, ...options)
  expect(stderr).toBe('')
  const lines = stdout.split('\n').map((line) => line.trim().replaceAll(/ {2,}/g, ' | '))
  expect(lines).toEqual(
    expect.arrayContaining([
      'Session ends detected from 2026-06-01T00:00:00Z to 2026-06-04T00:00:00Z, by day in UTC.',
      'ended sessions | 4 | 1 | +300 %',
      'day | ended | previous | idle_timeout | logout',
      '2026-06-02 | 0 | 0 | 0 | 0',
      '2026-06-03 | 2 | 0 | 1 | 1',
      'u_42 | 3 | 1 | 2',
      'a\\u001b[2J | 1 | 0 | 1',
      expect.stringMatching(/^acme \| 3 \| 2 \| 30m \|/),
      'self_reported | 4',
    ]),
  )
})

test('lapse summary exports buckets, or groups, as CSV', async () => {
  const [buckets, groups] = await Promise.all([
    summarize('--from', '2026-06', '--bucket', 'month', '--format', 'csv'),
    summarize('--from', '2026-06', '--group-by', 'site', '--format', 'csv'),
  ])
  expect(buckets.stdout.split('\r\n').slice(0, 2)).toEqual([
    'start,ended,previousEnded,clock_anomaly,logout,revoked,displaced,idle_timeout,absolute_timeout,browser_closed,ended_early',
    '2026-06-01T00:00:00.000Z,4,,0,1,0,0,3,0,0,0',
  ])
  expect(groups.stdout.split('\r\n').slice(1, 3)).toEqual([
    'acme,3,,0,1,0,0,2,0,0,0',
    'signed,1,,0,0,0,0,1,0,0,0',
  ])
})

test('lapse summary names each wrong option', async () => {
  const [time, top] = await Promise.all([
    summarize('--from', 'yesteryear'),
    summarize('--top', '0', '--search', 'nonsense:1'),
  ])
  expect(time).toMatchObject({ status: 2, stderr: expect.stringMatching(/--from.*yesterday/s) })
  expect(top).toMatchObject({ status: 2, stderr: expect.stringMatching(/--search: .*--top: must be /s) })
})
